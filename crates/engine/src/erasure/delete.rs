//! The statements that erase. Each is one small transaction, with the mark of how far the work is.

use std::collections::BTreeSet;

use kernel::{OrgId, Result, Scope};
use store::{Engine, Isolation, TableSchema, Tx};

use super::{
    Mark,
    record::advance,
    traces::{names_it, window},
};
use crate::{
    ScopedDb,
    retention::{BATCH, allow_audit_removal, delete_events},
};

/// Entries of the queue that are looked at together.
const ENTRIES: i64 = 2000;

/// Deletes what is queued for the organization, its events among them; what runs loses its claim with its row.
pub(super) async fn queue(db: &ScopedDb, organization: &OrgId, after: i64, mark: Mark) -> Result<()> {
    let organization = organization.clone();
    let write = store::work(move |tx| {
        let (organization, mark) = (organization.clone(), mark.clone());
        Box::pin(async move {
            if after == 0 {
                note_accounts(tx, &organization, &mark).await?;
            }
            let window = tx
                .system(
                    "select max(seq) as last from (select seq from jobs where seq > $1 order by seq limit $2) as next",
                )
                .bind(after)
                .bind(ENTRIES)
                .row()
                .await?;
            let Some(last) = window.map_or(Ok(None), |row| row.opt_int("last"))? else {
                return advance(tx, &mark, 0, None).await;
            };
            let rows = tx
                .system("select seq from jobs where seq > $1 and seq <= $2 and (organization = $3 or tenant = $3)")
                .bind(after)
                .bind(last)
                .bind(&organization)
                .rows()
                .await?;
            let seqs = rows.iter().map(|row| row.int("seq")).collect::<Result<Vec<_>>>()?;
            let deleted = delete_entries(tx, &seqs).await?;
            advance(tx, &mark, deleted, Some(last)).await
        })
    });
    db.write_in(Isolation::Serializable, &Scope::System, write).await
}

/// Notes how vendors call the organization's accounts, so that its events are found by that. A name that also another
/// organization has at some vendor is left out.
async fn note_accounts(tx: &mut Tx, organization: &OrgId, mark: &Mark) -> Result<()> {
    let account = |key: String| key.rsplit(':').next().map(ToOwned::to_owned).unwrap_or_default();
    let (mut own, mut others) = (BTreeSet::new(), BTreeSet::new());
    for row in tx.system("select key from routes where organization = $1").bind(organization).rows().await? {
        own.insert(account(row.text("key")?));
    }
    if !own.is_empty() {
        let text = match tx.engine() {
            Engine::Sqlite => {
                "select key from routes where organization <> $1 and exists (
                     select 1 from json_each($2) a where routes.key like '%:' || a.value)"
            }
            Engine::Postgres => {
                "select key from routes where organization <> $1 and regexp_replace(key, '^.*:', '') in (
                     select json_array_elements_text($2::text::json))"
            }
        };
        let accounts = serde_json::json!(own).to_string();
        for row in tx.system(text).bind(organization).bind(accounts).rows().await? {
            others.insert(account(row.text("key")?));
        }
    }
    let accounts: Vec<_> = own.difference(&others).collect();
    tx.system("update erasures set accounts = $2 where id = $1 and accounts is null")
        .bind(&mark.id)
        .bind(serde_json::json!(accounts).to_string())
        .execute()
        .await
        .map(drop)
}

/// Deletes entries of the queue whatever their state, with their events.
async fn delete_entries(tx: &mut Tx, seqs: &[i64]) -> Result<u64> {
    if seqs.is_empty() {
        return Ok(0);
    }
    let (sql, numbers) = crate::queue::sql::one_of(
        tx,
        seqs,
        "delete from jobs where seq in (select value from json_each($1))",
        "delete from jobs where seq = any($1)",
    );
    let jobs = tx.system(sql).bind(numbers).execute().await?;
    Ok(jobs + delete_events(tx, seqs).await?)
}

/// Deletes some of its rows of a table of organizations.
pub(super) async fn own_rows(db: &ScopedDb, organization: &OrgId, table: &TableSchema, mark: Mark) -> Result<()> {
    let (name, scope) = (table.name.clone(), Scope::Organization(organization.clone()));
    let write = store::work(move |tx| {
        let (name, mark) = (name.clone(), mark.clone());
        Box::pin(async move {
            allow_audit_removal(tx, &name, true).await?;
            let delete = match tx.engine() {
                Engine::Sqlite => format!(
                    "delete from {name} where org_id = $1 and rowid in (
                         select rowid from {name} where org_id = $1 limit $2)"
                ),
                Engine::Postgres => format!(
                    "delete from {name} where org_id = $1 and ctid = any (array (
                         select ctid from {name} where org_id = $1 limit $2))"
                ),
            };
            let rows = tx.query_built(delete).bind(BATCH).execute().await?;
            allow_audit_removal(tx, &name, false).await?;
            advance(tx, &mark, rows, (rows > 0).then_some(0)).await
        })
    });
    db.write_in(Isolation::Serializable, &scope, write).await
}

/// Deletes those of the next rows of a table of the installation that name it.
pub(super) async fn naming_rows(
    db: &ScopedDb,
    organization: &OrgId,
    table: &TableSchema,
    position: i64,
    mark: Mark,
) -> Result<()> {
    let (organization, table) = (organization.clone(), table.clone());
    let write = store::work(move |tx| {
        let (organization, table, mark) = (organization.clone(), table.clone(), mark.clone());
        Box::pin(async move {
            let Some(window) = window(tx, &table, position).await? else { return advance(tx, &mark, 0, None).await };
            let (condition, is_named) = (window.condition(), names_it(tx.engine(), &table));
            let rows = match table.name.as_str() {
                "jobs" | "inbox_events" => {
                    let of_account = if table.name == "jobs" { String::new() } else { of_account(tx.engine(), &mark) };
                    let find = format!("select seq from {} where {condition} and ({is_named}{of_account})", table.name);
                    let found = window.bind(tx.system_built(find), &organization).rows().await?;
                    let seqs = found.iter().map(|row| row.int("seq")).collect::<Result<Vec<_>>>()?;
                    delete_entries(tx, &seqs).await?
                }
                name => {
                    let delete = format!("delete from {name} where {condition} and ({is_named})");
                    window.bind(tx.system_built(delete), &organization).execute().await?
                }
            };
            advance(tx, &mark, rows, Some(window.last)).await
        })
    });
    db.write_in(Isolation::Serializable, &Scope::System, write).await
}

/// Events of accounts that are the organization's alone, unless another organization's handler ran for them.
fn of_account(engine: Engine, mark: &Mark) -> String {
    // An id is made of letters, digits and an underscore: see `kernel::Id::parse`.
    let id = &mark.id;
    let accounts = match engine {
        Engine::Sqlite => format!("select value from json_each((select accounts from erasures where id = '{id}'))"),
        Engine::Postgres => {
            format!("select json_array_elements_text((select accounts from erasures where id = '{id}')::json)")
        }
    };
    format!(
        " or ((account in ({accounts}) or connection in ({accounts})) and exists (
             select 1 from jobs j where j.seq = inbox_events.seq and (j.organization is null or j.organization = $1)))"
    )
}
