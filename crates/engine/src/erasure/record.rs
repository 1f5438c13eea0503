//! The row of an erasure: what is to be erased and how far that is, then a line that says that it was done.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use kernel::{Error, OrgId, Result, Scope, Time};
use serde::Serialize;
use store::{Db, Engine, FromRow, Row, Tx};

use super::{ErasureId, Mark};
use crate::{ScopedDb, World};

/// An organization that is being erased, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// `era_…`
    #[serde(rename = "_id")]
    pub id: ErasureId,
    /// The SHA-256 of the organization's id.
    pub fingerprint: String,
    /// The role of who asked for it.
    pub requested_by: String,
    /// When it was asked for.
    pub requested_at: Time,
    /// When nothing was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Time>,
    /// Tables that are done.
    pub steps_done: i64,
    /// Of how many.
    pub steps_total: i64,
    /// Rows that were deleted.
    pub rows: i64,
}

/// The row, with what only the work needs.
pub(super) struct Record {
    pub organization: Option<OrgId>,
    pub step: String,
    pub position: i64,
    pub rounds: i64,
    shown: Erasure,
}

/// Marks an organization as closed: its routes lead nowhere any more, and [`super::go_on`] erases it. The caller shuts its people
/// and keys out in the same transaction. None when it is closed already.
///
/// # Errors
/// What the database says.
pub async fn close(
    tx: &mut Tx,
    world: &World,
    organization: &OrgId,
    requested_by: &'static str,
) -> Result<Option<ErasureId>> {
    let id: ErasureId = world.new_id();
    let closed = tx
        .system(
            "insert into erasures (id, organization, fingerprint, requested_by, requested_ms) values ($1, $2, $3, $4, $5)
             on conflict (organization) where organization is not null do nothing",
        )
        .bind(&id)
        .bind(organization)
        .bind(fingerprint(organization))
        .bind(requested_by)
        .bind(world.now())
        .execute()
        .await?;
    Ok((closed == 1).then_some(id))
}

/// What identifies an organization to those who know its id.
fn fingerprint(organization: &OrgId) -> String {
    HEXLOWER.encode(digest(&SHA256, organization.as_str().as_bytes()).as_ref())
}

/// The organizations that are closed and not erased yet, with the moment.
///
/// # Errors
/// What the database says.
pub async fn closed(db: &Db) -> Result<Vec<(OrgId, Time)>> {
    let read = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            tx.system("select organization, requested_ms from erasures where organization is not null").rows().await
        })
    });
    read.await?.iter().map(|row| Ok((row.id("organization")?, row.time("requested_ms")?))).collect()
}

/// One erasure.
///
/// # Errors
/// `NotFound` when there is none.
pub async fn erasure(db: &Db, id: &ErasureId) -> Result<Erasure> {
    Record::find(db, id).await.map(Record::shown)
}

/// The organization of an erasure; none when it is erased.
///
/// # Errors
/// `NotFound` when there is no such erasure.
pub async fn organization(db: &ScopedDb, id: &ErasureId) -> Result<Option<OrgId>> {
    Ok(Record::find(db.unfenced(), id).await?.organization)
}

/// Which of these values other organizations have in this column of a table of organizations.
///
/// # Errors
/// What the database says.
pub async fn elsewhere(
    db: &ScopedDb,
    organization: &OrgId,
    table: &'static str,
    column: &'static str,
    values: &[String],
) -> Result<Vec<String>> {
    let (organization, values) = (organization.clone(), serde_json::json!(values).to_string());
    let read = db.read_in(&Scope::System, |tx| {
        Box::pin(async move {
            tx.read_all_organizations().await?;
            let each = match tx.engine() {
                Engine::Sqlite => "select value from json_each($2)",
                Engine::Postgres => "select json_array_elements_text($2::text::json)",
            };
            let query = tx.system_built(format!(
                "select distinct {column} as found from {table} where org_id <> $1 and {column} in ({each})"
            ));
            query.bind(&organization).bind(values).rows().await
        })
    });
    read.await?.iter().map(|row| row.text("found")).collect()
}

/// The newest erasures.
///
/// # Errors
/// What the database says.
pub async fn erasures(db: &Db, most: i64) -> Result<Vec<Erasure>> {
    let read = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            tx.system(
                "select id, organization, fingerprint, requested_by, requested_ms, step, position, rounds, steps_done,
                     steps_total, rows_erased, erased_ms
                 from erasures order by requested_ms desc, id desc limit $1",
            )
            .bind(most)
            .all::<Record>()
            .await
        })
    });
    Ok(read.await?.into_iter().map(Record::shown).collect())
}

impl Record {
    pub(super) async fn find(db: &Db, id: &ErasureId) -> Result<Self> {
        let wanted = id.clone();
        let found = db.read(&Scope::System, |tx| {
            Box::pin(async move {
                tx.system(
                    "select id, organization, fingerprint, requested_by, requested_ms, step, position, rounds, steps_done,
                         steps_total, rows_erased, erased_ms
                     from erasures where id = $1",
                )
                .bind(&wanted)
                .optional()
                .await
            })
        });
        found.await?.ok_or_else(|| Error::not_found("erasure_unknown", "there is no such erasure"))
    }

    pub(super) fn shown(self) -> Erasure {
        self.shown
    }
}

/// Notes what a step deleted, and where the next one begins: at `position`, or behind the step.
pub(super) async fn advance(tx: &mut Tx, mark: &Mark, rows: u64, position: Option<i64>) -> Result<()> {
    let (step, done) = if position.is_some() { (&mark.here, mark.done) } else { (&mark.next, mark.done + 1) };
    tx.system(
        "update erasures set step = $2, position = $3, rows_erased = rows_erased + $4, steps_done = $5, steps_total = $6
         where id = $1",
    )
    .bind(&mark.id)
    .bind(step.as_str())
    .bind(position.unwrap_or_default())
    .bind(i64::try_from(rows).unwrap_or(i64::MAX))
    .bind(done)
    .bind(mark.total)
    .execute()
    .await
    .map(drop)
}

/// Begins with the first step again.
pub(super) async fn begin_anew(db: &ScopedDb, mark: &Mark, rounds: i64) -> Result<()> {
    let id = mark.id.clone();
    let write = store::work(move |tx| {
        let id = id.clone();
        Box::pin(async move {
            let update =
                tx.system("update erasures set step = '', position = 0, steps_done = 0, rounds = $2 where id = $1");
            update.bind(&id).bind(rounds).execute().await.map(drop)
        })
    });
    db.write_in(store::Isolation::Serializable, &Scope::System, write).await
}

/// Leaves a line that names nobody.
pub(super) async fn finish(db: &ScopedDb, mark: &Mark, now: Time) -> Result<()> {
    let mark = mark.clone();
    let write = store::work(move |tx| {
        let mark = mark.clone();
        Box::pin(async move {
            let update = tx.system(
                "update erasures set organization = null, accounts = null, step = '', position = 0, steps_done = $2,
                     steps_total = $2, erased_ms = $3
                 where id = $1",
            );
            update.bind(&mark.id).bind(mark.total).bind(now).execute().await.map(drop)
        })
    });
    db.write_in(store::Isolation::Serializable, &Scope::System, write).await
}

impl FromRow for Record {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            organization: row.opt_id("organization")?,
            step: row.text("step")?,
            position: row.int("position")?,
            rounds: row.int("rounds")?,
            shown: Erasure {
                id: row.id("id")?,
                fingerprint: row.text("fingerprint")?,
                requested_by: row.text("requested_by")?,
                requested_at: row.time("requested_ms")?,
                erased_at: row.opt_time("erased_ms")?,
                steps_done: row.int("steps_done")?,
                steps_total: row.int("steps_total")?,
                rows: row.int("rows_erased")?,
            },
        })
    }
}
