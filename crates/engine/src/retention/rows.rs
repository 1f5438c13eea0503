//! Sweeps that a few words describe: rows of one table that are older than a moment, with what belongs to them.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Error, OrgId, Result, Scope};
use serde_json::{Value as Json, json};
use store::{Engine, Isolation, Tx};

use super::{BATCH, Keep, Sweep, SweepCtx, Swept};

/// Rows of a table of the installation that are deleted once they are old.
#[derive(Clone, Copy, Debug)]
pub struct OldRows {
    /// The table.
    pub table: &'static str,
    /// Its primary key, one column.
    pub key: &'static str,
    /// The moment that a row counts from: a column or an expression, which has an index of its own.
    pub at: &'static str,
    /// Which rows, in the words of the index; `1 = 1` for all.
    pub only: &'static str,
}

/// Rows of a table of organizations that are deleted once they are old, of all organizations.
///
/// What is old is found over all organizations at once, by an index on `at`, so that a pass costs what it deletes however
/// many organizations there are. It is deleted in each organization's own transactions.
#[derive(Clone, Copy, Debug)]
pub struct OldTenantRows {
    /// The table.
    pub table: &'static str,
    /// Its primary key without `org_id`: texts.
    pub key: &'static [&'static str],
    /// The moment that a row counts from: a column or an expression, which has an index of its own.
    pub at: &'static str,
    /// Which rows, in the words of the index; `1 = 1` for all.
    pub only: &'static str,
    /// Rows of other tables that are deleted with them, before them.
    pub children: &'static [Children],
}

/// Rows that belong to a row that is deleted, by the first column of its key.
#[derive(Clone, Copy, Debug)]
pub struct Children {
    /// Their table.
    pub table: &'static str,
    /// The column that names the row they belong to.
    pub parent: &'static str,
    /// Whose table it is.
    pub owned: Owned,
}

/// Whose rows a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned {
    /// Organizations': it has a column `org_id`.
    ByOrganizations,
    /// The installation's.
    ByInstallation,
}

impl Sweep {
    /// A sweep over rows of a table of the installation.
    pub fn rows(name: &'static str, keep: Keep, old: OldRows) -> Self {
        let OldRows { table, key, at, only } = old;
        let finds = format!("select {key} from {table} where {only} and {at} < $1 order by {at} limit $2");
        let delete = format!("delete from {table} where {key} in ({finds}) and {only}");
        let sweep = Self::new(name, keep, move |ctx| {
            let delete = delete.clone();
            async move {
                let before = ctx.before;
                let write = store::work(move |tx| {
                    let delete = delete.clone();
                    Box::pin(async move { tx.system_built(delete).bind(before).bind(BATCH).execute().await })
                });
                let rows = ctx.db.write_in(Isolation::ReadCommitted, &Scope::System, write).await?;
                Ok(Swept { rows, more: i64::try_from(rows).is_ok_and(|rows| rows >= BATCH) })
            }
        });
        Self { finds: Some(finds), ..sweep }
    }

    /// A sweep over rows of a table of organizations.
    pub fn tenant_rows(name: &'static str, keep: Keep, old: OldTenantRows) -> Self {
        let OldTenantRows { table, key, at, only, .. } = old;
        let columns = key.join(", ");
        let finds = format!("select org_id, {columns} from {table} where {only} and {at} < $1 order by {at} limit $2");
        let text = finds.clone();
        let sweep = Self::new(name, keep, move |ctx| {
            let finds = text.clone();
            async move { sweep_tenants(ctx, old, finds).await }
        });
        Self { finds: Some(finds), ..sweep }
    }
}

async fn sweep_tenants(ctx: SweepCtx, old: OldTenantRows, finds: String) -> Result<Swept> {
    let before = ctx.before;
    let found = ctx.db.read_in(&Scope::System, |tx| {
        Box::pin(async move {
            tx.read_all_organizations().await?;
            let rows = tx.system_built(finds).bind(before).bind(BATCH).rows().await?;
            let mut found: BTreeMap<String, Vec<Json>> = BTreeMap::new();
            for row in rows {
                let key: Vec<String> = old.key.iter().map(|column| row.text(column)).collect::<Result<_>>()?;
                found.entry(row.text("org_id")?).or_default().push(json!(key));
            }
            Ok(found)
        })
    });
    let found = found.await?;
    let count: usize = found.values().map(Vec::len).sum();
    let mut rows = 0;
    for (organization, keys) in found {
        rows += delete_of(&ctx, &OrgId::parse(&organization)?, old, &keys).await?;
    }
    // What stays is not old any more: somebody changed it in the same moment.
    Ok(Swept { rows, more: rows > 0 && i64::try_from(count).is_ok_and(|count| count >= BATCH) })
}

/// Deletes rows of one organization, and what belongs to them, in small steps.
async fn delete_of(ctx: &SweepCtx, organization: &OrgId, old: OldTenantRows, keys: &[Json]) -> Result<u64> {
    let scope = Scope::Organization(organization.clone());
    let (keys, before) = (Arc::new(Json::Array(keys.to_vec()).to_string()), ctx.before);
    for child in old.children.iter().filter(|child| child.owned == Owned::ByOrganizations) {
        loop {
            let keys = keys.clone();
            let write = store::work(move |tx| {
                let keys = keys.clone();
                Box::pin(async move { delete_children(tx, old, child, &keys, before).await })
            });
            let deleted = ctx.db.write_in(Isolation::ReadCommitted, &scope, write).await?;
            if i64::try_from(deleted).is_ok_and(|deleted| deleted < BATCH) {
                break;
            }
        }
    }
    let write = store::work(move |tx| {
        let keys = keys.clone();
        Box::pin(async move { delete_parents(tx, old, &keys, before).await })
    });
    ctx.db.write_in(Isolation::ReadCommitted, &scope, write).await
}

async fn delete_children(
    tx: &mut Tx,
    old: OldTenantRows,
    child: &Children,
    keys: &str,
    before: kernel::Time,
) -> Result<u64> {
    let OldTenantRows { table, at, only, .. } = old;
    let Children { table: children, parent, .. } = child;
    let (rows, first) = (row_id(tx), old.key.first().ok_or_else(keyless)?);
    let each = keys_json(tx.engine(), 1, "$2");
    let sql = format!(
        "delete from {children} where org_id = $1 and {rows} in (
             select {rows} from {children} where org_id = $1 and {parent} in (
                 select {first} from {table} where org_id = $1 and {only} and {at} < $3 and {first} in ({each}))
             limit $4)"
    );
    tx.query_built(sql).bind(keys).bind(before).bind(BATCH).execute().await
}

async fn delete_parents(tx: &mut Tx, old: OldTenantRows, keys: &str, before: kernel::Time) -> Result<u64> {
    let OldTenantRows { table, at, only, .. } = old;
    allow_audit_removal(tx, table, true).await?;
    for Children { table: children, parent, .. } in
        old.children.iter().filter(|child| child.owned == Owned::ByInstallation)
    {
        let (first, each) = (old.key.first().ok_or_else(keyless)?, keys_json(tx.engine(), 1, "$2"));
        let sql = format!(
            "delete from {children} where {parent} in (
                 select {first} from {table} where org_id = $1 and {only} and {at} < $3 and {first} in ({each}))"
        );
        tx.query_built(sql).bind(keys).bind(before).execute().await?;
    }
    let (columns, each) = (old.key.join(", "), keys_json(tx.engine(), old.key.len(), "$2"));
    let sql = format!("delete from {table} where org_id = $1 and {only} and {at} < $3 and ({columns}) in ({each})");
    let deleted = tx.query_built(sql).bind(keys).bind(before).execute().await?;
    allow_audit_removal(tx, table, false).await?;
    Ok(deleted)
}

/// The table that refuses every deletion, unless its transaction says that this is one by age, or of an organization.
const AUDIT: &str = "audit_entries";

/// Lets the rest of this transaction delete lines of the audit log, or no longer. Other tables need no permission.
pub(crate) async fn allow_audit_removal(tx: &mut Tx, table: &str, allowed: bool) -> Result<()> {
    if table != AUDIT {
        return Ok(());
    }
    let sql = match (tx.engine(), allowed) {
        (Engine::Sqlite, true) => "insert into removals_allowed (name) values ('audit')",
        (Engine::Sqlite, false) => "delete from removals_allowed",
        (Engine::Postgres, true) => "select set_config('trunkline.audit_removal', 'on', true)",
        (Engine::Postgres, false) => "select set_config('trunkline.audit_removal', 'off', true)",
    };
    tx.system(sql).rows().await.map(drop)
}

/// A query for the first columns of each of the keys in `value`, a JSON list of lists.
pub(crate) fn keys_json(engine: Engine, columns: usize, value: &str) -> String {
    let columns: Vec<_> = (0..columns).map(|column| format!("value ->> {column}")).collect();
    match engine {
        Engine::Sqlite => format!("select {} from json_each({value})", columns.join(", ")),
        Engine::Postgres => format!("select {} from json_array_elements({value}::text::json)", columns.join(", ")),
    }
}

fn row_id(tx: &Tx) -> &'static str {
    match tx.engine() {
        Engine::Sqlite => "rowid",
        Engine::Postgres => "ctid",
    }
}

fn keyless() -> Error {
    Error::internal("sweep_keyless", "a sweep names no key of its table")
}
