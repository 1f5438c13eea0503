//! What happens at fixed times, once over all nodes.

use std::{str::FromStr, sync::Arc};

use kernel::{Error, Result, Scope, Time};
use store::{Db, Tx};

use crate::{
    World,
    queue::{Job, NewJob, enqueue},
};

/// A job that is enqueued at fixed times.
#[derive(Clone)]
pub struct Cron {
    name: &'static str,
    pattern: Arc<croner::Cron>,
    job: Arc<dyn Fn() -> Result<NewJob> + Send + Sync>,
}

impl Cron {
    /// Enqueues what `job` makes whenever `pattern` (five fields, UTC) says so, under the name `name`.
    ///
    /// # Errors
    /// `Internal` when the pattern is not one.
    pub fn new<J: Job>(name: &'static str, pattern: &str, job: impl Fn() -> J + Send + Sync + 'static) -> Result<Self> {
        let pattern = croner::Cron::from_str(pattern).map_err(|error| {
            Error::internal("cron_pattern", format!("the cron {name} has a bad pattern")).source(error)
        })?;
        Ok(Self { name, pattern: Arc::new(pattern), job: Arc::new(move || NewJob::new(&job())) })
    }

    /// Its name, also in `/api/cron/{name}`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The first time after `now`.
    fn next(&self, now: Time) -> Result<Time> {
        let broken = || Error::internal("cron_next", format!("the cron {} has no next time", self.name));
        let moment = jiff::Timestamp::from_millisecond(now.ms()).map_err(|_| broken())?;
        let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC);
        let next = self.pattern.find_next_occurrence(&zoned, false).map_err(|error| broken().source(error))?;
        Ok(Time::from_ms(next.timestamp().as_millisecond()))
    }
}

/// Enqueues what is due. The node that moves a cron forward is the one that enqueues; ticks that nobody was up for are
/// made up for by one. A cron that fails does not hold up the others.
pub(crate) async fn tick(db: &Db, world: &World, crons: &[Cron]) {
    for cron in crons {
        if let Err(error) = tick_one(db, world, cron).await {
            tracing::warn!(?error, cron = cron.name, "a cron was not moved");
        }
    }
}

async fn tick_one(db: &Db, world: &World, cron: &Cron) -> Result<()> {
    let now = world.now();
    let (name, next) = (cron.name, cron.next(now)?);
    let due = db.read(&Scope::System, |tx| Box::pin(next_of(tx, name))).await?;
    match due {
        Some(due) if due > now => Ok(()),
        Some(due) => move_on(db, world, cron, due, next).await,
        None => first_time(db, name, next).await,
    }
}

/// Enqueues the job of the cron called `name` now, besides its times. Twice in the same second is once.
///
/// # Errors
/// `NotFound` when there is none of that name.
pub async fn fire(db: &Db, world: &World, crons: &[Cron], name: &str) -> Result<()> {
    let cron = crons.iter().find(|cron| cron.name == name).cloned();
    let cron = cron.ok_or_else(|| Error::not_found("cron_unknown", format!("there is no cron called {name}")))?;
    let (world, second) = (world.clone(), world.now().seconds());
    let write = store::work(move |tx| {
        let (world, cron) = (world.clone(), cron.clone());
        Box::pin(async move {
            let job = (cron.job)()?.key(format!("{}@{second}", cron.name));
            enqueue(tx, &world, job).await.map(drop)
        })
    });
    db.write(&Scope::System, write).await
}

async fn next_of(tx: &mut Tx, name: &str) -> Result<Option<Time>> {
    let row = tx.system("select next_ms from crons where name = $1").bind(name).row().await?;
    row.map(|row| row.time("next_ms")).transpose()
}

async fn first_time(db: &Db, name: &'static str, next: Time) -> Result<()> {
    let write = store::work(move |tx| {
        Box::pin(async move {
            tx.system("insert into crons (name, next_ms) values ($1, $2) on conflict (name) do nothing")
                .bind(name)
                .bind(next)
                .execute()
                .await
                .map(drop)
        })
    });
    db.write(&Scope::System, write).await
}

async fn move_on(db: &Db, world: &World, cron: &Cron, due: Time, next: Time) -> Result<()> {
    let (world, cron) = (world.clone(), cron.clone());
    let write = store::work(move |tx| {
        let (world, cron) = (world.clone(), cron.clone());
        Box::pin(async move {
            let moved = tx
                .system("update crons set next_ms = $3 where name = $1 and next_ms = $2")
                .bind(cron.name)
                .bind(due)
                .bind(next)
                .execute()
                .await?;
            if moved == 1 {
                let job = (cron.job)()?.key(format!("{}@{}", cron.name, due.seconds()));
                enqueue(tx, &world, job).await?;
            }
            Ok(())
        })
    });
    db.write(&Scope::System, write).await
}
