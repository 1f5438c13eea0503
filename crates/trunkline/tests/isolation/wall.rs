//! The second check: a statement without an organization gets no row of another one. The store refuses it on both
//! databases, and on PostgreSQL the policies would give it none.

use kernel::{OrgId, Scope};
use store::{Engine, Tx};

use crate::{
    findings::Findings,
    world::{Column, World, both, names},
};

#[tokio::test]
async fn a_statement_that_forgets_its_organization_finds_and_writes_no_rows_of_another() {
    both(|mut world| async move {
        let tables = world.hands.tenant_tables();
        let mut findings = Findings::default();
        if world.hands.engine() == Engine::Postgres {
            let known = world.hands.texts(
                "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
                 where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1",
            );
            assert_eq!(known.await, tables.keys().cloned().collect::<Vec<_>>());
        }
        for (table, columns) in &tables {
            probe(&mut world, table, columns, &mut findings).await;
        }
        findings.none();
    })
    .await;
}

async fn probe(world: &mut World, table: &str, columns: &[Column], findings: &mut Findings) {
    let (alpha, bravo) = (world.alpha.id.clone(), world.bravo.id.clone());
    for org in [&alpha, &bravo] {
        let count = format!("select cast(count(*) as text) from {table} where org_id = '{org}'");
        let rows = world.hands.texts(&count).await;
        assert_ne!(rows, ["0"], "nobody has rows in {table}: let tests/isolation/world/building.rs make some");
    }
    let has_policies = world.hands.engine() == Engine::Postgres;
    for (organization, who) in [(bravo.as_str(), "bravo"), ("", "nobody's transaction")] {
        let columns = names(columns);
        let statements = [
            format!("select org_id from {table} where org_id <> '{bravo}'"),
            format!("update {table} set org_id = org_id where org_id = '{alpha}' returning org_id"),
            format!("delete from {table} where org_id = '{alpha}' returning org_id"),
            format!(
                "insert into {table} (org_id, {columns}) select '{alpha}', {columns} from {table} limit 1 returning org_id"
            ),
        ];
        let before = world.hands.dump().await;
        for statement in statements {
            let refused = through_store(world, organization, statement.clone()).await;
            findings.check(refused.as_deref() == Some("tenant_table"), || format!("{who} may ask this: {statement}"));
            if has_policies {
                // PostgreSQL refuses the statement, or it finds nothing: alpha's rows are the same.
                let rows = world.hands.as_product(organization, &statement).await;
                findings.check(rows.is_err() || rows == Ok(Vec::new()), || format!("{who} can do this: {statement}"));
            }
        }
        let after = world.hands.dump().await;
        findings.check(before.of(&world.alpha) == after.of(&world.alpha), || format!("{who} changed {table}"));
    }
    if has_policies {
        let own = world.hands.as_product(&bravo, &format!("select org_id from {table}")).await;
        findings.check(own.is_ok_and(|rows| !rows.is_empty()), || format!("bravo sees none of its own {table}"));
    }
}

/// Returns the tag of the error with which the store answers this statement.
async fn through_store(world: &World, organization: &str, sql: String) -> Option<String> {
    let sql: &'static str = sql.leak();
    let scope = match OrgId::parse(organization) {
        Ok(organization) => Scope::Organization(organization),
        Err(_) => Scope::System,
    };
    let write = store::work(move |tx: &mut Tx| Box::pin(async move { tx.system(sql).execute().await }));
    world.app.db.write(&scope, write).await.err().map(|error| error.tag.to_string())
}
