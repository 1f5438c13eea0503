//! Retention: what is deleted, and after how long.
//!
//! Every table that grows by itself has a [`Sweep`]: the rows of it that are deleted, by which setting, in small batches. The
//! features register theirs with [`crate::Handlers::sweep`]; a job runs all of them every hour. What a table holds and who
//! cleans it is listed in `docs/operating.md`.

mod events;
mod job;
mod rows;

use std::{sync::Arc, time::Duration};

use kernel::{Error, Result, Time};
use store::BoxFuture;

use crate::ScopedDb;

pub(crate) use events::{FORGOTTEN, delete_events};
pub(crate) use job::own_sweeps;
pub use job::register_retention;
pub use rows::{Children, OldRows, OldTenantRows, Owned};
pub(crate) use rows::{allow_audit_removal, keys_json};

/// Rows that one transaction of a sweep deletes at most.
pub const BATCH: i64 = 500;
/// Batches of one sweep in one pass; the next pass goes on where this one ended.
const BATCHES: u32 = 200;

/// How long something is kept, and by which setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The setting that changes it, such as `TRUNKLINE_JOB_RETENTION`; none where it is the same everywhere.
    pub setting: Option<&'static str>,
    /// How long, where the setting says nothing.
    pub default: Duration,
}

impl Keep {
    /// So many days, unless this setting says otherwise.
    pub const fn days(setting: &'static str, days: u64) -> Self {
        Self { setting: Some(setting), default: Duration::from_secs(days * 86_400) }
    }

    /// So long, everywhere.
    pub const fn fixed(default: Duration) -> Self {
        Self { setting: None, default }
    }
}

/// How many rows a batch deleted or emptied, and whether there is more to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows.
    pub rows: u64,
    /// Whether another batch finds more.
    pub more: bool,
}

/// What a batch has at hand.
#[derive(Clone)]
pub struct SweepCtx {
    /// The database; in a job, fenced by its claim.
    pub db: ScopedDb,
    /// The present moment.
    pub now: Time,
    /// What is older than this is deleted.
    pub before: Time,
}

type Batch = Arc<dyn Fn(SweepCtx) -> BoxFuture<'static, Result<Swept>> + Send + Sync>;

/// One cleaner: which rows are deleted, and after how long.
#[derive(Clone)]
pub struct Sweep {
    /// Its name, as `docs/operating.md` and the log call it.
    pub name: &'static str,
    /// How long its rows are kept.
    pub keep: Keep,
    batch: Batch,
    finds: Option<String>,
}

impl Sweep {
    /// A sweep whose batches `batch` does. A batch is short, and may be run again after a crash.
    pub fn new<F, Fut>(name: &'static str, keep: Keep, batch: F) -> Self
    where
        F: Fn(SweepCtx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Swept>> + Send + 'static,
    {
        Self { name, keep, batch: Arc::new(move |ctx| Box::pin(batch(ctx))), finds: None }
    }

    /// The statement that finds what is old, with `$1` the moment and `$2` the most rows: so that tests can show that it reads
    /// no more than it finds. None where a sweep walks by a cursor.
    pub fn finds(&self) -> Option<&str> {
        self.finds.as_deref()
    }

    /// Deletes what is old, batch by batch. True when the pass ended before everything was deleted.
    async fn run(&self, db: &ScopedDb, now: Time, keep: Duration) -> Result<(u64, bool)> {
        let ctx = SweepCtx { db: db.clone(), now, before: now - keep };
        let mut rows = 0;
        for _ in 0..BATCHES {
            let swept = (self.batch)(ctx.clone()).await?;
            rows += swept.rows;
            if !swept.more {
                return Ok((rows, false));
            }
        }
        Ok((rows, true))
    }
}

/// All sweeps, and how long this installation keeps what they clean.
#[derive(Clone, Default)]
pub struct Retention {
    sweeps: Arc<Vec<(Sweep, Duration)>>,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Each sweep that found something, with the number of rows.
    pub rows: Vec<(&'static str, u64)>,
    /// Whether there is more to delete.
    pub more: bool,
}

impl Retention {
    /// These sweeps. `kept` says for a setting how long this installation keeps what goes by it, where it differs from the
    /// default.
    pub fn new(sweeps: &[Sweep], kept: impl Fn(&'static str) -> Option<Duration>) -> Self {
        let with_time = |sweep: &Sweep| {
            let keep = sweep.keep.setting.and_then(&kept).unwrap_or(sweep.keep.default);
            (sweep.clone(), keep)
        };
        Self { sweeps: Arc::new(sweeps.iter().map(with_time).collect()) }
    }

    /// Runs every sweep once. A sweep that fails does not hold up the others; the first error is returned at the end.
    ///
    /// # Errors
    /// What the database says; what was deleted until then stays deleted.
    pub async fn run(&self, db: &ScopedDb, now: Time) -> Result<Pass> {
        let (mut pass, mut failed) = (Pass::default(), None::<Error>);
        for (sweep, keep) in self.sweeps.iter() {
            match sweep.run(db, now, *keep).await {
                Ok((rows, more)) => {
                    pass.more |= more;
                    if rows > 0 {
                        pass.rows.push((sweep.name, rows));
                    }
                }
                Err(error) => {
                    tracing::warn!(?error, sweep = sweep.name, "a table was not cleaned");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(pass), Err)
    }
}
