//! The workers: they claim what is ready, run it, and write down how it ended.
//!
//! A run ends exactly once: the end is written with the claim's number, in the transaction of the handler where there is
//! one, and a claim that was lost meanwhile undoes that transaction.

mod end;
mod handlers;
mod round;
mod run;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{Result, Scope, Time};
use store::{Db, Engine, Isolation};
use tokio::sync::{Notify, Semaphore, watch};

pub use handlers::Handlers;

use crate::{
    World, cron,
    queue::{CHANNEL, Seq, sql},
    route::Route,
};

/// How the workers work.
#[derive(Clone, Copy, Debug)]
pub struct RunnerOptions {
    /// Handlers at the same time.
    pub concurrency: usize,
    /// Entries that this node may hold, running or about to.
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
    slots: Semaphore,
    held: Mutex<Held>,
    routes: Mutex<HashMap<String, Route>>,
    /// Told whenever an entry ends.
    settled: Notify,
}

/// What this process has claimed and not ended.
#[derive(Default)]
struct Held {
    seqs: HashMap<Seq, (i64, String)>,
    tenants: HashMap<String, usize>,
}

impl Runner {
    /// Workers for these handlers. They do nothing until [`Runner::run`].
    pub fn new(db: Db, world: World, handlers: Handlers, options: RunnerOptions) -> Self {
        let slots = Semaphore::new(options.concurrency);
        let inner = Inner {
            db,
            world,
            handlers,
            options,
            slots,
            held: Mutex::default(),
            routes: Mutex::default(),
            settled: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Works until `stop` turns true, then lets running handlers finish and gives back the rest.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let inner = &self.inner;
        if inner.db.engine() == Engine::Sqlite {
            // One process at a time serves a SQLite file: whatever is running belongs to one that is gone.
            inner.reap(Time::from_ms(i64::MAX)).await;
        }
        let life = tokio::spawn(inner.clone().sign_of_life());
        let listener = tokio::spawn(inner.clone().listen());
        let mut quiet = false;
        while !*stop.borrow() {
            let woken = inner.db.woken();
            let settled = inner.settled.notified();
            // After a quiet wait a look is enough; a claim is a write.
            if (!quiet || inner.has_work().await) && inner.round().await {
                quiet = false;
                continue;
            }
            quiet = tokio::select! {
                () = woken => false,
                () = settled, if inner.is_full() => false,
                () = tokio::time::sleep(inner.options.poll) => true,
                _ = stop.changed() => false,
            };
        }
        inner.drain().await;
        life.abort();
        listener.abort();
    }

    /// Runs everything that is due, and what that brings, until nothing is left to do now. For tests and commands.
    pub async fn run_until_idle(&self) {
        loop {
            cron::tick(&self.inner.db, &self.inner.world, self.inner.handlers.crons()).await.unwrap_or_default();
            self.inner.round().await;
            if self.inner.is_idle() && !self.inner.has_work().await {
                return;
            }
            while !self.inner.is_idle() {
                let settled = self.inner.settled.notified();
                if self.inner.is_idle() {
                    break;
                }
                settled.await;
            }
        }
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
    fn hold(&self, seq: Seq, claim: i64, tenant: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.seqs.insert(seq, (claim, tenant.to_owned()));
        *held.tenants.entry(tenant.to_owned()).or_default() += 1;
    }

    fn let_go(&self, seq: Seq) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tenant)) = held.seqs.remove(&seq)
            && let Some(count) = held.tenants.get_mut(&tenant)
        {
            *count -= 1;
            if *count == 0 {
                held.tenants.remove(&tenant);
            }
        }
        drop(held);
        self.settled.notify_waiters();
    }

    fn held(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).seqs.len()
    }

    fn is_idle(&self) -> bool {
        self.held() == 0
    }

    fn is_full(&self) -> bool {
        self.held() > self.options.held / 2
    }

    /// Tenants that hold a quarter of what this node holds at most. The installation itself is not one.
    fn saturated(&self) -> Vec<String> {
        let most = (self.options.held / 4).max(1);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.tenants
            .iter()
            .filter(|(tenant, count)| !tenant.is_empty() && **count >= most)
            .map(|(tenant, _)| tenant.clone())
            .collect()
    }

    async fn has_work(&self) -> bool {
        let now = self.world.now();
        let work = self.db.read(&Scope::System, |tx| Box::pin(sql::has_work(tx, now))).await;
        work.unwrap_or(false)
    }

    /// Extends this node's leases, takes back those of nodes that are gone, moves the crons: until it is aborted.
    async fn sign_of_life(self: Arc<Self>) {
        let mut tick = tokio::time::interval(self.options.lease / 5);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let claims: Vec<i64> = {
                let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                let mut claims: Vec<_> = held.seqs.values().map(|(claim, _)| *claim).collect();
                claims.sort_unstable();
                claims.dedup();
                claims
            };
            if !claims.is_empty() {
                self.extend(claims).await;
            }
            self.reap(self.world.now()).await;
            if let Err(error) = cron::tick(&self.db, &self.world, self.handlers.crons()).await {
                tracing::warn!(?error, "crons were not moved");
            }
        }
    }

    async fn extend(&self, claims: Vec<i64>) {
        let until = self.world.now() + self.options.lease;
        let write = store::work(move |tx| {
            let claims = claims.clone();
            Box::pin(async move { sql::extend(tx, &claims, until).await })
        });
        if let Err(error) = self.db.write_at(Isolation::ReadCommitted, &Scope::System, write).await {
            tracing::warn!(?error, "leases were not extended");
        }
    }

    async fn reap(&self, now: Time) {
        let reap = store::work(move |tx| Box::pin(sql::reap(tx, now)));
        match self.db.write_at(Isolation::ReadCommitted, &Scope::System, reap).await {
            Ok(0) => {}
            Ok(taken) => tracing::warn!(entries = taken, "took back what a process that is gone was running"),
            Err(error) => tracing::warn!(?error, "leases were not checked"),
        }
    }

    /// Passes on the wake-ups of other nodes.
    async fn listen(self: Arc<Self>) {
        loop {
            let mut listener = self.db.listen(CHANNEL).await;
            if !listener.is_connected() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            while listener.heard().await {
                self.db.wake();
            }
        }
    }

    /// Waits for the handlers that run, then gives back what has not begun or not ended.
    async fn drain(&self) {
        self.slots.close();
        let end = tokio::time::Instant::now() + self.options.drain;
        while !self.is_idle() {
            let settled = self.settled.notified();
            if self.is_idle() || tokio::time::timeout_at(end, settled).await.is_err() {
                break;
            }
        }
        let left: Vec<(Seq, i64)> = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.seqs.iter().map(|(seq, (claim, _))| (*seq, *claim)).collect()
        };
        for (seq, claim) in left {
            self.release(claim, vec![seq]).await;
        }
    }
}
