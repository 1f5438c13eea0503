//! The second check, on PostgreSQL: a statement without an organization gets no row of another one. SQLite has no such
//! check: there the clause in every statement is the only one.

use kernel::{OrgId, Result, Scope};
use store::{Engine, Tx};

use crate::{
    findings::Findings,
    world::{Column, World, both, names},
};

#[tokio::test]
async fn a_statement_that_forgets_its_organization_finds_and_writes_no_rows_of_another() {
    both(|mut world| async move {
        if world.hands.engine() != Engine::Postgres {
            return;
        }
        let tables = world.hands.tenant_tables();
        let known = world.hands.texts(
            "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
             where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1",
        );
        assert_eq!(known.await, tables.keys().cloned().collect::<Vec<_>>());
        let mut findings = Findings::default();
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
        let rows = world.hands.texts(&format!("select count(*)::text from {table} where org_id = '{org}'")).await;
        assert_ne!(rows, ["0"], "nobody has rows in {table}: let tests/isolation/world/building.rs make some");
    }
    let own = Scope::Organization(OrgId::parse(&bravo).expect("an id"));
    for (scope, who) in [(own, "bravo"), (Scope::System, "nobody's transaction")] {
        let count = format!("select count(*) as n from {table} where org_id <> '{bravo}'");
        findings.check(number(world, &scope, count).await == Ok(0), || format!("{who} sees rows of alpha in {table}"));
        let columns = names(columns);
        let writes = [
            format!("update {table} set org_id = org_id where org_id = '{alpha}'"),
            format!("delete from {table} where org_id = '{alpha}'"),
            format!("insert into {table} (org_id, {columns}) select '{alpha}', {columns} from {table} limit 1"),
        ];
        let before = world.hands.dump().await;
        for write in writes {
            // The statement is refused, or changes nothing: alpha's rows are the same.
            let said = write.clone();
            let written = changes(world, &scope, write).await;
            findings.check(!matches!(written, Ok(1..)), || format!("{who} can do this: {said}"));
        }
        let after = world.hands.dump().await;
        findings.check(before.of(&world.alpha) == after.of(&world.alpha), || format!("{who} changed {table}"));
    }
    let sees = Scope::Organization(OrgId::parse(&bravo).expect("an id"));
    let count = format!("select count(*) as n from {table}");
    findings
        .check(matches!(number(world, &sees, count).await, Ok(1..)), || format!("bravo sees none of its own {table}"));
}

async fn number(world: &World, scope: &Scope, sql: String) -> Result<i64, String> {
    let sql: &'static str = sql.leak();
    let read = world.app.db.read(scope, |tx: &mut Tx| {
        Box::pin(async move { tx.system(sql).row().await?.map_or(Ok(-1), |row| row.int("n")) })
    });
    read.await.map_err(|error| error.to_string())
}

async fn changes(world: &World, scope: &Scope, sql: String) -> Result<u64, String> {
    let sql: &'static str = sql.leak();
    let write = store::work(move |tx: &mut Tx| Box::pin(async move { tx.system(sql).execute().await }));
    world.app.db.write(scope, write).await.map_err(|error| error.to_string())
}
