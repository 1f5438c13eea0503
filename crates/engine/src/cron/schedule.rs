//! Schedules: what an organization wants to have done at fixed times.
//!
//! There may be hundreds of thousands. The due ones are found by an index and moved in batches, each batch in one transaction
//! with the jobs that it enqueues.

use std::time::Duration;

use kernel::{Error, OrgId, Result, Scope, Time};
use store::{Db, Engine, FromRow, Isolation, Row, Tx};

use super::Pattern;
use crate::{
    World,
    queue::{NewJob, Template, enqueue},
};

/// Schedules that are moved in one transaction.
const BATCH: i64 = 200;
/// When a schedule comes back that this release cannot read.
const UNREADABLE: Duration = Duration::from_secs(3600);

/// Enqueues `job` for the organization of this transaction whenever `pattern` says so. `name` is the organization's own name
/// for it: the schedule that had it before is replaced, and a changed pattern takes effect at once.
///
/// # Errors
/// `Forbidden` in a transaction of no organization; what the database says.
pub async fn schedule(tx: &mut Tx, world: &World, name: &str, pattern: &Pattern, job: NewJob) -> Result<()> {
    let organization = tx.scope().organization().cloned().ok_or_else(store::no_organization)?;
    let next = pattern.next(world.now())?;
    tx.system(
        "insert into schedules (organization, name, pattern, zone, job, next_ms) values ($1, $2, $3, $4, $5, $6)
         on conflict (organization, name) do update set pattern = excluded.pattern, zone = excluded.zone,
             job = excluded.job,
             next_ms = case when schedules.pattern = excluded.pattern and schedules.zone = excluded.zone
                 then schedules.next_ms else excluded.next_ms end",
    )
    .bind(&organization)
    .bind(name)
    .bind(pattern.text())
    .bind(pattern.zone())
    .bind(written(job)?)
    .bind(next)
    .execute()
    .await
    .map(drop)
}

fn written(job: NewJob) -> Result<String> {
    serde_json::to_string(&job.template())
        .map_err(|error| Error::internal("schedule_job", "the job of a schedule cannot be written").source(error))
}

/// Removes the schedule of this name from the organization of this transaction. False when there was none.
///
/// # Errors
/// `Forbidden` in a transaction of no organization; what the database says.
pub async fn unschedule(tx: &mut Tx, name: &str) -> Result<bool> {
    let organization = tx.scope().organization().cloned().ok_or_else(store::no_organization)?;
    let delete = tx.system("delete from schedules where organization = $1 and name = $2");
    Ok(delete.bind(&organization).bind(name).execute().await? == 1)
}

/// Enqueues the jobs of all schedules that are due, and moves these to their next times.
pub(super) async fn tick(db: &Db, world: &World) -> Result<()> {
    let now = world.now();
    while db.read(&Scope::System, |tx| Box::pin(has_due(tx, now))).await? {
        let world = world.clone();
        let write = store::work(move |tx| {
            let world = world.clone();
            Box::pin(async move { move_batch(tx, &world, now).await })
        });
        if db.write_at(Isolation::ReadCommitted, &Scope::System, write).await? == 0 {
            // Another node moves those that are left.
            return Ok(());
        }
    }
    Ok(())
}

async fn has_due(tx: &mut Tx, now: Time) -> Result<bool> {
    let due = tx.system("select name from schedules where next_ms <= $1 order by next_ms limit 1").bind(now).row();
    Ok(due.await?.is_some())
}

/// Moves a batch; returns how many schedules it had.
async fn move_batch(tx: &mut Tx, world: &World, now: Time) -> Result<usize> {
    let due = due(tx, now).await?;
    for job in due.iter().filter_map(Due::job) {
        enqueue(tx, world, job).await?;
    }
    set_next(tx, &due, now).await?;
    Ok(due.len())
}

/// The next due schedules, locked: another node moves others meanwhile.
async fn due(tx: &mut Tx, now: Time) -> Result<Vec<Due>> {
    let sql = match tx.engine() {
        Engine::Sqlite => {
            "select organization, name, pattern, zone, job from schedules
             where next_ms <= $1 order by next_ms limit $2"
        }
        Engine::Postgres => {
            "select organization, name, pattern, zone, job from schedules
             where next_ms <= $1 order by next_ms limit $2 for update skip locked"
        }
    };
    tx.system(sql).bind(now).bind(BATCH).all().await
}

async fn set_next(tx: &mut Tx, due: &[Due], now: Time) -> Result<()> {
    let organizations: Vec<_> = due.iter().map(|one| one.organization.to_string()).collect();
    let names: Vec<_> = due.iter().map(|one| one.name.clone()).collect();
    let next: Vec<_> = due.iter().map(|one| one.next(now).ms()).collect();
    match tx.engine() {
        Engine::Sqlite => {
            let rows: Vec<_> =
                organizations.iter().zip(&names).zip(&next).map(|((o, name), next)| (o, name, next)).collect();
            tx.system(
                "update schedules set next_ms = moved.value ->> 2 from json_each($1) as moved
                 where organization = moved.value ->> 0 and name = moved.value ->> 1",
            )
            .bind(serde_json::json!(rows).to_string())
        }
        Engine::Postgres => tx
            .system(
                "update schedules set next_ms = moved.next_ms
                 from unnest($1::text[], $2::text[], $3::bigint[]) as moved (organization, name, next_ms)
                 where schedules.organization = moved.organization and schedules.name = moved.name",
            )
            .bind(organizations)
            .bind(names)
            .bind(next),
    }
    .execute()
    .await
    .map(drop)
}

/// A schedule whose time has come.
struct Due {
    organization: OrgId,
    name: String,
    pattern: String,
    zone: String,
    job: String,
}

impl Due {
    /// Its job; none when this release cannot read it.
    fn job(&self) -> Option<NewJob> {
        match serde_json::from_str::<Template>(&self.job) {
            Ok(template) => Some(NewJob::of_template(template).of(&self.organization)),
            Err(error) => {
                let (organization, schedule) = (&self.organization, &self.name);
                tracing::warn!(%error, %organization, schedule, "the job of a schedule cannot be read");
                None
            }
        }
    }

    /// Its next time. One whose pattern this release cannot read is looked at again later.
    fn next(&self, now: Time) -> Time {
        let pattern = Pattern::parse(&self.pattern).and_then(|pattern| pattern.in_zone(&self.zone));
        pattern.and_then(|pattern| pattern.next(now)).unwrap_or_else(|error| {
            tracing::warn!(?error, organization = %self.organization, schedule = self.name, "a schedule cannot be read");
            now + UNREADABLE
        })
    }
}

impl FromRow for Due {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            organization: row.id("organization")?,
            name: row.text("name")?,
            pattern: row.text("pattern")?,
            zone: row.text("zone")?,
            job: row.text("job")?,
        })
    }
}
