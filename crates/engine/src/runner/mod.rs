//! The workers: they claim what is ready, run it, and write down how it ended.
//!
//! A run ends exactly once: the end is written with the claim's number, in the transaction of the handler where there is
//! one, and a claim that was lost meanwhile undoes that transaction.

mod active;
mod claiming;
mod drain;
mod end;
mod events;
mod handlers;
mod heartbeat;
mod known_routes;
mod lease;
mod pace;
mod permits;
mod quarantine;
mod reaper;
mod run;
mod start;
mod statistics;
mod together;
mod turns;
mod unhandled;
mod wake;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::{OrgId, Result};
use store::{Db, Engine};
use tokio::{
    sync::{Notify, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

pub use handlers::Handlers;

use crate::{
    Publisher, World,
    cron::{self, Scheduler},
    erasure::Remembers,
    queue::{Known, claim::Scan},
    route::Route,
};
use active::ActiveClaims;
use claiming::{Claiming, NextClaim};
use lease::Lease;
use pace::Pace;
use permits::Permits;
use quarantine::Quarantine;
use turns::Turns;

/// How the workers work.
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// Where this node runs, for those who look at the list of nodes.
    pub name: String,
    /// The version of this binary.
    pub release: &'static str,
    /// Handlers at the same time.
    pub concurrency: usize,
    /// Entries that this node may hold at most, running or about to. It holds twice what can run at a time, and more only
    /// while entries end fast.
    pub held: usize,
    /// How long this node is taken for alive without a heartbeat: then others take over what it held. On PostgreSQL only;
    /// a SQLite file is served by one process.
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
            name: format!("process {}", std::process::id()),
            release: env!("CARGO_PKG_VERSION"),
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
    node: Arc<Node>,
}

/// What the tasks of one node share.
struct Node {
    db: Db,
    world: World,
    handlers: Handlers,
    publisher: Publisher,
    scheduler: Scheduler,
    options: RunnerOptions,
    permits: Permits,
    /// What this node can run.
    known: Known,
    /// What any living node can run, as of the last heartbeat.
    living: Mutex<Known>,
    /// What this node may claim while those live.
    claimable: Mutex<Known>,
    /// How many nodes live, this one included.
    alive: AtomicUsize,
    lease: Lease,
    /// Whether the log says that this node's clock is wrong.
    clock_told: AtomicBool,
    /// Calls of [`Runner::run`] and [`Runner::run_until_idle`] that go on: the last one signs the node off.
    runs: AtomicUsize,
    active: Mutex<ActiveClaims>,
    quarantine: Mutex<Quarantine>,
    /// Whether a claim ended in an error, and may have been committed.
    in_doubt: AtomicBool,
    /// Where the next claim looks.
    scan: Mutex<Scan>,
    /// When a claim may look far behind the front of the queue again.
    far_again: Pace,
    routes: Mutex<HashMap<String, Route>>,
    /// Whose events are run together now.
    turns: Turns,
    /// Told whenever an entry ends.
    settled: Notify,
    /// When the last round began.
    moved: Mutex<Instant>,
    /// Told when there may be something that another node left.
    elsewhere: Notify,
    /// What runs.
    tasks: Mutex<JoinSet<()>>,
}

impl Runner {
    /// Workers for these handlers. They do nothing until [`Runner::run`].
    ///
    /// # Errors
    /// `Config` when two handlers, jobs, subscribers or crons have one name.
    pub fn new(db: Db, world: World, handlers: Handlers, options: RunnerOptions) -> Result<Self> {
        handlers.check()?;
        let publisher = Publisher::new(&world, handlers.subscriptions());
        let known = handlers.known();
        let scheduler = Scheduler::new(handlers.crons());
        let node = Node {
            permits: Permits::new(options.concurrency),
            lease: Lease::new(options.lease),
            living: Mutex::new(known.clone()),
            claimable: Mutex::new(known.clone()),
            alive: AtomicUsize::new(1),
            clock_told: AtomicBool::new(false),
            runs: AtomicUsize::new(0),
            known,
            publisher,
            scheduler,
            db,
            world,
            handlers,
            options,
            active: Mutex::default(),
            quarantine: Mutex::default(),
            in_doubt: AtomicBool::new(false),
            scan: Mutex::new(Scan::NEW),
            far_again: Pace::default(),
            routes: Mutex::default(),
            turns: Turns::default(),
            settled: Notify::new(),
            moved: Mutex::new(Instant::now()),
            elsewhere: Notify::new(),
            tasks: Mutex::default(),
        };
        Ok(Self { node: Arc::new(node) })
    }

    /// Works until `stop` turns true or is dropped, then lets running handlers finish and gives back the rest.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let node = &self.node;
        node.runs.fetch_add(1, Ordering::SeqCst);
        let _heartbeat = Background(tokio::spawn(node.clone().heartbeat()));
        let _upkeep = Background(tokio::spawn(node.clone().upkeep()));
        let _listener = Background(tokio::spawn(node.clone().listen()));
        let _statistics = Background(tokio::spawn(node.clone().keep_statistics()));
        while !*stop.borrow() {
            *node.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            if node.lease.node().is_none() {
                // Nothing is claimed without a lease.
                tokio::select! {
                    _ = node.lease.held() => node.sort_unhandled().await,
                    changed = stop.changed() => {
                        if changed.is_err() {
                            break;
                        }
                    }
                }
                continue;
            }
            // Both are there before the claim begins: what happens during it is not missed.
            let (woken, settled, news) = (node.db.woken(), node.settled.notified(), node.news());
            let Claiming { next, again_in, .. } = node.claim_and_start().await;
            let pause = again_in.unwrap_or(node.options.poll).min(node.options.poll);
            if next == NextClaim::AtOnce {
                continue;
            }
            tokio::select! {
                () = woken => {}
                () = node.settled_enough(settled, news), if next == NextClaim::WhenSettled => {}
                () = node.elsewhere.notified() => {}
                () = tokio::time::sleep(pause) => {}
                changed = stop.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
        }
        node.drain().await;
        self.sign_off().await;
    }

    /// Runs everything that is due, and what that brings, until nothing is left to do now. For tests and commands.
    pub async fn run_until_idle(&self) {
        let node = &self.node;
        node.runs.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = node.beat(&node.db).await {
            tracing::warn!(?error, "this process could not be registered: nothing is run");
        } else {
            let _heartbeat = (node.db.engine() == Engine::Postgres).then(|| {
                let node = node.clone();
                Background(tokio::spawn(async move { node.beat_on().await }))
            });
            node.until_idle().await;
        }
        self.sign_off().await;
    }

    /// Takes over from nodes whose leases have lapsed, without watching them for a lease first: for who knows that they are
    /// dead, and that it was not the database that was away. Tells how many entries they held.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn take_over(&self) -> Result<u64> {
        let node = &self.node;
        node.runs.fetch_add(1, Ordering::SeqCst);
        let taken = async {
            node.beat(&node.db).await?;
            let number = node.lease.held().await;
            node.reap(number).await
        };
        let taken = taken.await;
        self.sign_off().await;
        taken
    }

    /// Ends the node's lease with the last of its runs.
    async fn sign_off(&self) {
        if self.node.runs.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.node.resign().await;
        }
    }

    /// For how long the workers have not begun a round: more than a few seconds means that they wait for something, such as
    /// a database that is down.
    pub fn still_for(&self) -> Duration {
        self.node.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Whether no living node has a newer handler for the events of this provider, as of the last heartbeat. False without a
    /// lease: then nobody knows.
    pub fn is_newest(&self, provider: &str) -> bool {
        let claimable = self.node.claimable.lock().unwrap_or_else(PoisonError::into_inner);
        claimable.providers.contains_key(provider) && self.node.lease.node().is_some()
    }

    /// Fires the cron called `name` now, as an outside scheduler asks for it.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn fire(&self, name: &str) -> Result<()> {
        cron::fire(&self.node.db, &self.node.world, self.node.handlers.crons(), name).await
    }
}

/// A node remembers where routes lead; each transaction checks it.
impl Remembers for Runner {
    fn forget(&self, organization: &OrgId) {
        self.node.forget_routes_of(organization);
        self.node.world.forget(organization.as_str());
    }
}

impl Node {
    async fn until_idle(self: &Arc<Self>) {
        loop {
            self.scheduler.tick(&self.db, &self.world).await;
            self.sort_unhandled().await;
            let claiming = self.claim_and_start().await;
            self.idle().await;
            // What is ready and was not taken now waits for something that has to come from elsewhere.
            if claiming.claimed == 0 && claiming.next != NextClaim::AtOnce && !claiming.goes_on {
                return;
            }
            self.far_again.reset();
        }
    }

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
