//! What happens at fixed times, once over all nodes: crons of the installation here, schedules of organizations in
//! [`schedule`].

mod pattern;
mod schedule;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{Error, Result, Scope, Time};
use store::{Db, Isolation, Tx};

use crate::{
    World,
    queue::{Job, NewJob, enqueue},
};

pub use pattern::Pattern;
pub use schedule::{schedule, unschedule};

/// A job that is enqueued at fixed times.
#[derive(Clone)]
pub struct Cron {
    name: &'static str,
    pattern: Pattern,
    job: Arc<dyn Fn() -> Result<NewJob> + Send + Sync>,
}

impl Cron {
    /// Enqueues what `job` makes whenever `pattern` says so, under the name `name`. The pattern has five fields and is in UTC,
    /// unless [`Cron::in_zone`] says otherwise.
    ///
    /// # Errors
    /// `Internal` when the pattern is not one.
    pub fn new<J: Job>(name: &'static str, pattern: &str, job: impl Fn() -> J + Send + Sync + 'static) -> Result<Self> {
        let pattern = Pattern::parse(pattern).map_err(|error| {
            Error::internal("cron_pattern", format!("the cron {name} has a bad pattern")).source(error)
        })?;
        Ok(Self { name, pattern, job: Arc::new(move || NewJob::new(&job())) })
    }

    /// By the clock of this time zone, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// `Internal` when there is no such zone.
    pub fn in_zone(self, zone: &str) -> Result<Self> {
        let pattern = self.pattern.in_zone(zone).map_err(|error| {
            Error::internal("time_zone_unknown", format!("the cron {} has a bad time zone", self.name)).source(error)
        })?;
        Ok(Self { pattern, ..self })
    }

    /// Its name, also in `/api/cron/{name}`.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// A node whose pattern differs from the one that the database has leaves the cron to whoever set that, as long as they move
/// it: an old node in a rolling release does not take it back.
const ABANDONED: Duration = Duration::from_secs(600);

/// Fires the crons of one node, and the schedules of organizations.
pub(crate) struct Scheduler {
    crons: Vec<Cron>,
    /// The crons whose patterns this process has brought into effect.
    declared: Mutex<HashSet<&'static str>>,
}

/// A cron as the database has it.
#[derive(Clone)]
struct Stored {
    next: Time,
    pattern: String,
}

impl Scheduler {
    pub(crate) fn new(crons: &[Cron]) -> Self {
        Self { crons: crons.to_vec(), declared: Mutex::default() }
    }

    /// Enqueues what is due. The node that moves a cron forward is the one that enqueues; ticks that nobody was up for are
    /// made up for by one. A cron that fails does not hold up the others.
    pub(crate) async fn tick(&self, db: &Db, world: &World) {
        if let Err(error) = self.tick_crons(db, world).await {
            tracing::warn!(?error, "crons were not read");
        }
        if let Err(error) = schedule::tick(db, world).await {
            tracing::warn!(?error, "the schedules of organizations were not moved");
        }
    }

    async fn tick_crons(&self, db: &Db, world: &World) -> Result<()> {
        if self.crons.is_empty() {
            return Ok(());
        }
        let stored = db.read(&Scope::System, |tx| Box::pin(all(tx))).await?;
        for cron in &self.crons {
            match self.tick_one(db, world, cron, stored.get(cron.name)).await {
                Ok(()) => {
                    self.declared.lock().unwrap_or_else(PoisonError::into_inner).insert(cron.name);
                }
                Err(error) => tracing::warn!(?error, cron = cron.name, "a cron was not moved"),
            }
        }
        Ok(())
    }

    async fn tick_one(&self, db: &Db, world: &World, cron: &Cron, stored: Option<&Stored>) -> Result<()> {
        let now = world.now();
        let Some(stored) = stored else { return first_time(db, cron, cron.pattern.next(now)?).await };
        let is_changed = stored.pattern != cron.pattern.to_string();
        if is_changed && self.has_declared(cron) && now < stored.next + ABANDONED {
            return Ok(());
        }
        if is_changed || stored.next <= now {
            return move_on(db, world, cron, stored).await;
        }
        Ok(())
    }

    fn has_declared(&self, cron: &Cron) -> bool {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner).contains(cron.name)
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

async fn all(tx: &mut Tx) -> Result<HashMap<String, Stored>> {
    let rows = tx.system("select name, next_ms, pattern from crons").rows().await?;
    let stored = rows
        .iter()
        .map(|row| Ok((row.text("name")?, Stored { next: row.time("next_ms")?, pattern: row.text("pattern")? })));
    stored.collect()
}

async fn first_time(db: &Db, cron: &Cron, next: Time) -> Result<()> {
    let (name, pattern) = (cron.name, cron.pattern.to_string());
    let write = store::work(move |tx| {
        let pattern = pattern.clone();
        Box::pin(async move {
            tx.system("insert into crons (name, next_ms, pattern) values ($1, $2, $3) on conflict (name) do nothing")
                .bind(name)
                .bind(next)
                .bind(pattern)
                .execute()
                .await
                .map(drop)
        })
    });
    db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
}

/// Sets the next time by the cron's own pattern, and enqueues its job when the one before has come.
async fn move_on(db: &Db, world: &World, cron: &Cron, before: &Stored) -> Result<()> {
    let (world, cron, before) = (world.clone(), cron.clone(), before.clone());
    let write = store::work(move |tx| {
        let (world, cron, before) = (world.clone(), cron.clone(), before.clone());
        Box::pin(async move {
            let now = world.now();
            let moved = tx
                .system("update crons set next_ms = $4, pattern = $5 where name = $1 and next_ms = $2 and pattern = $3")
                .bind(cron.name)
                .bind(before.next)
                .bind(&before.pattern)
                .bind(cron.pattern.next(now)?)
                .bind(cron.pattern.to_string())
                .execute()
                .await?;
            if moved == 1 && before.next <= now {
                let job = (cron.job)()?.key(format!("{}@{}", cron.name, before.next.seconds()));
                enqueue(tx, &world, job).await?;
            }
            Ok(())
        })
    });
    db.write(&Scope::System, write).await
}
