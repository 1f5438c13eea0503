//! The inbox: a verified event is on disk, with the job that will handle it, before its sender hears "accepted".

mod keys;
mod list;
mod postgres;
mod rows;
mod sqlite;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Error, Result, Time};
use provider::Received;
use store::{Db, Engine};
use tokio::sync::{mpsc, oneshot};

pub use list::{EventFilter, EventRow, event, events, replay};

use crate::{World, queue::EventId};
use rows::Entry;
use writer::{Request, Waiting, Writer};

/// The events of one verified request.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The vendor's name in the registry.
    pub provider: &'static str,
    /// The connection that the path named; empty when it named none.
    pub connection: String,
    /// The headers worth keeping: never those that open doors.
    pub headers: Vec<(String, String)>,
    /// When the request arrived.
    pub received_at: Time,
    /// At least one.
    pub events: Vec<Received>,
}

/// An event that is on disk.
pub struct Accepted {
    /// Its id: of the first arrival, when it had come before.
    pub id: EventId,
    /// Whether it had not come before.
    pub fresh: bool,
}

/// Where verified requests go. The server knows only this; benchmarks put something else behind it.
#[async_trait]
pub trait Intake: Send + Sync + 'static {
    /// Keeps every event of the delivery, in order. When it answers, they are on disk.
    ///
    /// # Errors
    /// `Unavailable` when the sender should come back; what was kept until then is recognised when it does.
    async fn accept(&self, delivery: Delivery) -> Result<Vec<Accepted>>;
}

/// How the inbox writes.
#[derive(Clone, Copy, Debug)]
pub struct InboxOptions {
    /// Requests that may wait for the disk before senders are told to come back.
    pub queue: usize,
    /// Events in one commit at most.
    pub batch: usize,
    /// Commits at the same time on PostgreSQL; SQLite has one. More than one only makes the batches smaller, as long as a
    /// commit takes less time than its rows.
    pub writers: usize,
    /// Ids of the newest events that are kept in memory on SQLite. They take 25 bytes each, and as much again now and then.
    pub recent: usize,
}

impl Default for InboxOptions {
    fn default() -> Self {
        Self { queue: 4096, batch: 512, writers: 1, recent: 450_000 }
    }
}

/// The inbox. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    world: World,
    queue: mpsc::Sender<Request>,
}

impl Inbox {
    /// Starts the writers.
    pub fn start(db: &Db, world: &World, options: InboxOptions) -> Self {
        let (queue, waiting) = mpsc::channel(options.queue);
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let writers = match db.engine() {
            Engine::Sqlite => 1,
            Engine::Postgres => options.writers.max(1),
        };
        for _ in 0..writers {
            tokio::spawn(Writer::new(db.clone(), options).run(waiting.clone()));
        }
        Self { world: world.clone(), queue }
    }
}

#[async_trait]
impl Intake for Inbox {
    async fn accept(&self, delivery: Delivery) -> Result<Vec<Accepted>> {
        let mut answers = Vec::with_capacity(delivery.events.len());
        let mut request = Request::with_capacity(delivery.events.len());
        for entry in Entry::of(delivery, &self.world) {
            let (tell, answer) = oneshot::channel();
            request.push(Waiting { entry: Arc::new(entry), tell });
            answers.push(answer);
        }
        // Waiting here would only hide the overload from the sender, which knows better how to come back.
        self.queue.try_send(request).map_err(|_| overloaded())?;
        // All of them are waited for: of what is on disk or refused, nothing happens after the answer.
        let mut accepted = Vec::with_capacity(answers.len());
        for answer in answers {
            accepted.push(answer.await.unwrap_or_else(|_| Err(overloaded())));
        }
        accepted.into_iter().collect()
    }
}

fn overloaded() -> Error {
    metrics::counter!("trunkline_inbox_overloaded_total").increment(1);
    Error::unavailable("inbox_full", "more events arrive than the disk takes: come back in a moment")
        .retry_after(std::time::Duration::from_secs(1))
}
