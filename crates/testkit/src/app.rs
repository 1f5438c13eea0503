//! An installation in one process: database, inbox and workers, with a clock that the test moves.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use engine::{
    Accepted, Delivery, EventFilter, EventId, EventRow, Handlers, Inbox, InboxOptions, Intake, JobFilter, JobId,
    JobRow, NewJob, Retention, Route, Runner, RunnerOptions, ScopedDb, World,
};
use kernel::{Clock, OrgId, Result, Scope};
use provider::Received;
use store::{Db, MigrationSet};

use crate::{TestClock, TestDb, TestRandom};

/// An installation. Nothing runs by itself: [`App::run_jobs`] runs what is due.
#[derive(Clone)]
pub struct App {
    /// The database, migrated.
    pub db: Db,
    /// Moves the time of the whole installation.
    pub clock: TestClock,
    /// This clock, and seeded randomness.
    pub world: World,
    /// Receives events.
    pub inbox: Inbox,
    /// The registered handlers, jobs and crons.
    pub handlers: Handlers,
    /// The workers.
    pub runner: Runner,
}

impl App {
    /// Starts an installation with the engine's tables and what `register` registers.
    pub async fn start(database: &TestDb, register: impl FnOnce(&mut Handlers)) -> Self {
        Self::with_tables(database, &[engine::MIGRATIONS], register).await
    }

    /// Starts an installation with these tables. `sets` begins with [`engine::MIGRATIONS`].
    pub async fn with_tables(database: &TestDb, sets: &[MigrationSet], register: impl FnOnce(&mut Handlers)) -> Self {
        let clock = TestClock::new();
        store::migrate(&database.db, sets, clock.now()).await.expect("an empty database can be migrated");
        let mut handlers = Handlers::new();
        register(&mut handlers);
        Self::on(&database.db, clock, 1, handlers)
    }

    /// Returns the same installation as another node: with a database handle and randomness of its own, and the same
    /// clock.
    pub async fn node(&self, database: &TestDb, seed: u64) -> Self {
        Self::on(&database.open().await, self.clock.clone(), seed, self.handlers.clone())
    }

    /// A node of another release on the same installation: it has these handlers.
    pub async fn node_with(&self, database: &TestDb, seed: u64, handlers: Handlers) -> Self {
        Self::on(&database.open().await, self.clock.clone(), seed, handlers)
    }

    fn on(db: &Db, clock: TestClock, seed: u64, handlers: Handlers) -> Self {
        let world = World::new(Arc::new(clock.clone()), Arc::new(TestRandom::new(seed)));
        let runner = Runner::new(db.clone(), world.clone(), handlers.clone(), RunnerOptions::new(db.engine()))
            .expect("nothing is registered twice");
        let inbox = Inbox::start(db, &world, InboxOptions::default());
        Self { db: db.clone(), clock, world, inbox, handlers, runner }
    }

    /// Returns the same installation with other options of its workers.
    #[must_use]
    pub fn with_workers(mut self, change: impl FnOnce(&mut RunnerOptions)) -> Self {
        let mut options = RunnerOptions::new(self.db.engine());
        change(&mut options);
        let runner = Runner::new(self.db.clone(), self.world.clone(), self.handlers.clone(), options);
        self.runner = runner.expect("nothing is registered twice");
        self
    }

    /// Delivers one event of `provider`, as a verified request does.
    ///
    /// # Errors
    /// The error that the sender would be answered.
    pub async fn deliver(&self, provider: &'static str, event: Received) -> Result<Accepted> {
        let mut accepted = self.deliver_all(provider, vec![event]).await?;
        Ok(accepted.remove(0))
    }

    /// Delivers the events of one request.
    ///
    /// # Errors
    /// The error that the sender would be answered.
    pub async fn deliver_all(&self, provider: &'static str, events: Vec<Received>) -> Result<Vec<Accepted>> {
        self.inbox.accept(self.delivery(provider, events)).await
    }

    /// Returns a request with these events, which arrives now.
    pub fn delivery(&self, provider: &'static str, events: Vec<Received>) -> Delivery {
        Delivery { provider, connection: String::new(), headers: Vec::new(), received_at: self.clock.now(), events }
    }

    /// Enqueues a job. Returns none when its key is taken.
    pub async fn enqueue(&self, job: impl Fn() -> NewJob + Send + Sync + 'static) -> Option<JobId> {
        let world = self.world.clone();
        let job = Arc::new(job);
        let write = store::work(move |tx| {
            let (world, job) = (world.clone(), job.clone());
            Box::pin(async move { engine::enqueue(tx, &world, job()).await })
        });
        self.db.write(&Scope::System, write).await.expect("a job can be enqueued")
    }

    /// Adds a route from `key` to `organization`. Returns false when the key belongs to another organization.
    pub async fn add_route(&self, key: &str, organization: &OrgId) -> bool {
        let route = Route { key: key.to_owned(), organization: organization.clone(), connection: None };
        let world = self.world.clone();
        let write = store::work(move |tx| {
            let (route, world) = (route.clone(), world.clone());
            Box::pin(async move { engine::add_route(tx, &world, &route).await })
        });
        self.db.write(&Scope::System, write).await.expect("a route can be added")
    }

    /// Returns the id of a new organization.
    pub fn organization(&self) -> OrgId {
        self.world.new_id()
    }

    /// Runs everything that is due, and everything that follows from it.
    pub async fn run_jobs(&self) {
        self.runner.run_until_idle().await;
    }

    /// Deletes what is old, as the hourly job does, and tells how many rows each sweep took.
    pub async fn retain(&self) -> BTreeMap<&'static str, u64> {
        let retention = Retention::new(self.handlers.sweeps(), |_setting| None);
        let db = ScopedDb::new(&self.db, Scope::System);
        let mut rows = BTreeMap::new();
        loop {
            let pass = retention.run(&db, self.world.now()).await.expect("what is old can be deleted");
            for (sweep, count) in pass.rows {
                *rows.entry(sweep).or_default() += count;
            }
            if !pass.more {
                return rows;
            }
        }
    }

    /// All events, oldest first.
    pub async fn events(&self) -> Vec<EventRow> {
        let filter = EventFilter { limit: 100_000, ..EventFilter::default() };
        let mut events = engine::events(&self.db, filter).await.expect("events can be listed");
        events.reverse();
        events
    }

    /// Returns one event.
    pub async fn event(&self, id: &EventId) -> EventRow {
        engine::event(&self.db, id).await.expect("the event is there").0
    }

    /// Returns all jobs, oldest first.
    pub async fn jobs(&self) -> Vec<JobRow> {
        let filter = JobFilter { limit: 100_000, ..JobFilter::default() };
        let mut jobs = engine::jobs(&self.db, filter).await.expect("jobs can be listed");
        jobs.reverse();
        jobs
    }

    /// Returns one job.
    pub async fn job(&self, id: &JobId) -> JobRow {
        let id = id.to_string();
        self.jobs().await.into_iter().find(|job| job.id == id).expect("the job is there")
    }

    /// Returns the number of events with this status.
    pub async fn count(&self, status: &str) -> usize {
        self.events().await.iter().filter(|event| event.status == status).count()
    }
}

/// Creates a verified event with this body.
pub fn event(external_id: impl AsRef<str>, kind: &str, body: impl Into<Bytes>) -> Received {
    Received::new(external_id, kind, body.into())
}
