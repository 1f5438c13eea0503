//! The engine's own sweeps, and the job that runs all of them.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{Result, Scope};
use serde::{Deserialize, Serialize};

use super::{Keep, OldRows, Retention, Sweep, Swept, events};
use crate::{Cron, Handlers, Job, JobCtx, NewJob};

/// How long jobs are shown that were done or cancelled.
const JOBS: Keep = Keep::days("TRUNKLINE_JOB_RETENTION", 7);
/// How long jobs are kept that were given up, so that somebody can retry them.
const DEAD_JOBS: Keep = Keep::days("TRUNKLINE_DEAD_JOB_RETENTION", 90);
/// A row says itself until when it is kept.
const ITS_OWN: Keep = Keep::fixed(Duration::ZERO);
/// A cron that no node has moved for so long is no cron of this release any more.
const CRONS: Keep = Keep::fixed(Duration::from_secs(30 * 86_400));

/// A limit that nothing ran by for a day says nothing any more.
const THROTTLES: Keep = Keep::fixed(Duration::from_secs(86_400));

/// The sweeps over the engine's tables.
pub(crate) fn own_sweeps() -> Vec<Sweep> {
    let ended = |only| OldRows { table: "jobs", key: "seq", at: "finished_ms", only };
    let done = ended("kind <> 'event' and finished_ms is not null and state = 'processed'");
    let cancelled = ended("kind <> 'event' and finished_ms is not null and state = 'cancelled'");
    let dead = ended("kind <> 'event' and finished_ms is not null and state = 'dead'");
    let mut sweeps = vec![
        Sweep::rows("jobs", JOBS, done),
        Sweep::rows("cancelled-jobs", JOBS, cancelled),
        Sweep::rows("dead-jobs", DEAD_JOBS, dead),
    ];
    sweeps.extend(events::sweeps());
    sweeps.push(old_throttles());
    sweeps.push(Sweep::new("replays", ITS_OWN, |ctx| async move {
        let now = ctx.now;
        let write = store::work(move |tx| Box::pin(crate::operation::forget(tx, now, super::BATCH)));
        let rows = ctx.db.write_in(store::Isolation::ReadCommitted, &Scope::System, write).await?;
        Ok(Swept { rows, more: i64::try_from(rows).is_ok_and(|rows| rows >= super::BATCH) })
    }));
    sweeps
}

/// Limits that nothing has run by for a day. Their moments are in microseconds.
fn old_throttles() -> Sweep {
    Sweep::new("throttles", THROTTLES, |ctx| async move {
        let before = ctx.before.ms().saturating_mul(1000);
        let write = store::work(move |tx| {
            Box::pin(async move {
                tx.system(
                    "delete from throttles where name in (
                         select name from throttles where opens_at < $1 order by opens_at limit $2)",
                )
                .bind(before)
                .bind(super::BATCH)
                .execute()
                .await
            })
        });
        let rows = ctx.db.write_in(store::Isolation::ReadCommitted, &Scope::System, write).await?;
        Ok(Swept { rows, more: i64::try_from(rows).is_ok_and(|rows| rows >= super::BATCH) })
    })
}

/// Rows of crons that no code has any more. There are a few at most, so that all are looked at.
fn old_crons(handlers: &Handlers) -> Sweep {
    let names: Vec<_> = handlers.crons().iter().map(Cron::name).collect();
    let names = serde_json::json!(names).to_string();
    Sweep::new("crons", CRONS, move |ctx| {
        let names = names.clone();
        async move {
            let before = ctx.before;
            let write = store::work(move |tx| {
                let names = names.clone();
                Box::pin(async move {
                    let sql = match tx.engine() {
                        store::Engine::Sqlite => {
                            "delete from crons where next_ms < $1 and name not in (select value from json_each($2))"
                        }
                        store::Engine::Postgres => {
                            "delete from crons where next_ms < $1
                                 and name not in (select json_array_elements_text($2::text::json))"
                        }
                    };
                    tx.system(sql).bind(before).bind(names).execute().await
                })
            });
            let rows = ctx.db.write_in(store::Isolation::ReadCommitted, &Scope::System, write).await?;
            Ok(Swept { rows, more: false })
        }
    })
}

/// Deletes what is old.
#[derive(Serialize, Deserialize)]
struct Retain {}

#[async_trait]
impl Job for Retain {
    /// From the time when it cleaned the inbox alone: names of jobs and crons are kept.
    const NAME: &'static str = "retain_inbox";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let pass = ctx.tool::<Retention>()?.run(ctx.db(), ctx.now()).await?;
        if !pass.rows.is_empty() {
            tracing::info!(rows = ?pass.rows, "what was old was deleted");
        }
        if !pass.more {
            return Ok(());
        }
        // The rest in another job: others have their turn, and a death of the process costs one pass.
        ctx.enqueue(NewJob::new(&Self {})?.lane(LANE)).await.map(drop)
    }
}

/// One pass at a time.
const LANE: &str = "retention";
/// Every hour at a quarter past: small steps, so that there is never much to do.
const HOURLY: &str = "15 * * * *";

/// Lets `handlers` run their sweeps every hour. Call it when every feature has registered its own. `kept` says how long this
/// installation keeps what goes by a setting, where that is not the default.
///
/// # Errors
/// `Internal` when the cron has a bad pattern.
pub fn register_retention(handlers: &mut Handlers, kept: impl Fn(&'static str) -> Option<Duration>) -> Result<()> {
    handlers.job::<Retain>().cron(Cron::new("inbox-retention", HOURLY, || Retain {})?);
    let sweeps = [handlers.sweeps(), &[old_crons(handlers)]].concat();
    handlers.lend(Retention::new(&sweeps, kept));
    Ok(())
}
