//! The workers: they claim what is ready, run it, and write down how it ended.
//!
//! A run ends exactly once: the end is written with the claim's number, in the transaction of the handler where there is
//! one, and a claim that was lost meanwhile undoes that transaction.

mod active;
mod claiming;
mod drain;
mod end;
mod handlers;
mod life;
mod permits;
mod quarantine;
mod run;
mod start;
mod unhandled;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{Result, Time};
use store::{Db, Engine};
use tokio::{
    sync::{Notify, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

pub use handlers::Handlers;

use crate::{
    World, cron,
    queue::{Known, claim::Position},
    route::Route,
};
use active::ActiveClaims;
use claiming::NextClaim;
use permits::Permits;
use quarantine::Quarantine;

/// How long the end of one entry waits for the ends of others, before what waited for it is claimed.
const TOGETHER: Duration = Duration::from_millis(5);

/// How the workers work.
#[derive(Clone, Copy, Debug)]
pub struct RunnerOptions {
    /// Handlers at the same time.
    pub concurrency: usize,
    /// Entries that this node may hold at most, running or about to. It holds twice what can run at a time, and more only
    /// while entries end fast.
    pub held: usize,
    /// How long a claim is believed without a sign of life.
    pub lease: Duration,
    /// How long a node sleeps at most when nobody wakes it.
    pub poll: Duration,
    /// The wait before the second attempt; it doubles from there, up to an hour.
    pub back_off: Duration,
    /// How long running handlers may take to finish when the process is told to stop.
    pub drain: Duration,
}

impl RunnerOptions {
    /// The defaults for this engine.
    pub fn new(engine: Engine) -> Self {
        Self {
            // On SQLite handlers share commits: many at once make one commit cheap. On PostgreSQL each has a connection.
            concurrency: match engine {
                Engine::Sqlite => 64,
                Engine::Postgres => 12,
            },
            held: 1024,
            lease: Duration::from_secs(15),
            poll: Duration::from_millis(500),
            back_off: Duration::from_secs(1),
            drain: Duration::from_secs(20),
        }
    }
}

/// The workers of one process. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    world: World,
    handlers: Handlers,
    options: RunnerOptions,
    permits: Permits,
    /// What this node can run.
    known: Known,
    /// What any living node can run.
    living: Mutex<Known>,
    active: Mutex<ActiveClaims>,
    quarantine: Mutex<Quarantine>,
    /// Where the scan of the next claim begins.
    position: Mutex<Position>,
    routes: Mutex<HashMap<String, Route>>,
    /// Told whenever an entry ends.
    settled: Notify,
    /// When the last round began.
    moved: Mutex<Instant>,
    /// What runs.
    tasks: Mutex<JoinSet<()>>,
}

impl Runner {
    /// Workers for these handlers. They do nothing until [`Runner::run`].
    pub fn new(db: Db, world: World, handlers: Handlers, options: RunnerOptions) -> Self {
        let known = handlers.known();
        let inner = Inner {
            db,
            world,
            handlers,
            options,
            permits: Permits::new(options.concurrency),
            living: Mutex::new(known.clone()),
            known,
            active: Mutex::default(),
            quarantine: Mutex::default(),
            position: Mutex::new(Position::FRONT),
            routes: Mutex::default(),
            settled: Notify::new(),
            moved: Mutex::new(Instant::now()),
            tasks: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Works until `stop` turns true or is dropped, then lets running handlers finish and gives back the rest.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let inner = &self.inner;
        // Before anything runs: what may have killed a process has this one's first moments to itself.
        let lapsed = match inner.db.engine() {
            // One process at a time serves a SQLite file: whatever is running belongs to one that is gone.
            Engine::Sqlite => Time::from_ms(i64::MAX),
            Engine::Postgres => inner.world.now(),
        };
        inner.reap(lapsed).await;
        inner.sort_unhandled().await;
        let _life = Background(tokio::spawn(inner.clone().sign_of_life()));
        let _listener = Background(tokio::spawn(inner.clone().listen()));
        while !*stop.borrow() {
            *inner.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            // Both are there before the claim begins: what happens during it is not missed.
            let (woken, settled) = (inner.db.woken(), inner.settled.notified());
            let next = inner.claim_and_start().await.next;
            if next == NextClaim::AtOnce {
                continue;
            }
            tokio::select! {
                () = woken => {}
                () = settled, if next == NextClaim::WhenSettled => tokio::time::sleep(TOGETHER).await,
                () = tokio::time::sleep(inner.options.poll) => {}
                changed = stop.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
        }
        inner.drain().await;
    }

    /// Runs everything that is due, and what that brings, until nothing is left to do now. For tests and commands.
    pub async fn run_until_idle(&self) {
        loop {
            cron::tick(&self.inner.db, &self.inner.world, self.inner.handlers.crons()).await;
            self.inner.sort_unhandled().await;
            let claiming = self.inner.claim_and_start().await;
            self.inner.idle().await;
            // What is ready and was not taken now waits for something that has to come from elsewhere.
            if claiming.claimed == 0 && claiming.next != NextClaim::AtOnce {
                return;
            }
        }
    }

    /// For how long the workers have not begun a round: more than a few seconds means that they wait for something, such as
    /// a database that is down.
    pub fn still_for(&self) -> Duration {
        self.inner.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Fires the cron called `name` now, as an outside scheduler asks for it.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn fire(&self, name: &str) -> Result<()> {
        cron::fire(&self.inner.db, &self.inner.world, self.inner.handlers.crons(), name).await
    }
}

impl Inner {
    /// Runs this beside everything else; it ends with the runner.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }
}

/// A task that ends with the one that started it.
struct Background(JoinHandle<()>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}
