//! The inbox: a verified event is on disk, with the job that will handle it, before its sender hears "accepted".

mod batch;
mod budget;
mod dedupe;
mod list;
mod new_event;
mod postgres;
mod recent;
mod relevance;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Error, Result, Time};
use provider::Received;
use store::{Db, Engine};
use tokio::sync::{mpsc, oneshot};

pub use list::{EventFilter, EventRow, event, events, replay};
pub use relevance::Relevance;

use crate::{World, queue::EventId};
use batch::{BatchWriter, PendingEvent, Request};
use budget::Budget;
use new_event::NewEvent;

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
    /// Bytes of memory that events may take while they wait for the disk, at most 4 GiB; beyond that, senders are told to
    /// come back.
    pub buffer: usize,
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
        Self { buffer: 64 << 20, batch: 512, writers: 1, recent: 450_000 }
    }
}

/// The inbox. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    world: World,
    queue: mpsc::UnboundedSender<Request>,
    memory: Budget,
    relevance: Option<Relevance>,
}

impl Inbox {
    /// Starts the writers. Every event goes through the queue: see [`Inbox::ending`].
    pub fn start(db: &Db, world: &World, options: InboxOptions) -> Self {
        // What is in the channel is bounded by the memory that it takes.
        let (queue, pending) = mpsc::unbounded_channel();
        let pending = Arc::new(tokio::sync::Mutex::new(pending));
        let writers = match db.engine() {
            Engine::Sqlite => 1,
            Engine::Postgres => options.writers.max(1),
        };
        for _ in 0..writers {
            tokio::spawn(BatchWriter::new(db.clone(), options).run(pending.clone()));
        }
        Self { world: world.clone(), queue, memory: Budget::new(options.buffer), relevance: None }
    }

    /// The same inbox, which stores events that concern nobody as ended, so that they never enter the queue.
    #[must_use]
    pub fn ending(mut self, irrelevant: Relevance) -> Self {
        self.relevance = Some(irrelevant);
        self
    }
}

#[async_trait]
impl Intake for Inbox {
    async fn accept(&self, delivery: Delivery) -> Result<Vec<Accepted>> {
        let events = NewEvent::of(delivery, &self.world, self.relevance.as_ref());
        // Waiting here would only hide the overload from the sender, which knows better how to come back.
        let size = events.iter().map(NewEvent::size).sum();
        let memory = Arc::new(self.memory.take(size).ok_or_else(overloaded)?);
        let (request, answers): (Request, Vec<_>) = events
            .into_iter()
            .map(|event| {
                let (answer, accepted) = oneshot::channel();
                (PendingEvent { event: Arc::new(event), answer, _memory: memory.clone() }, accepted)
            })
            .unzip();
        self.queue.send(request).map_err(|_| stopped())?;
        // All of them are waited for: of what is on disk or refused, nothing happens after the answer.
        let mut accepted = Vec::with_capacity(answers.len());
        for answer in answers {
            accepted.push(answer.await.unwrap_or_else(|_| Err(stopped())));
        }
        accepted.into_iter().collect()
    }
}

fn overloaded() -> Error {
    metrics::counter!("trunkline_inbox_overloaded_total").increment(1);
    Error::unavailable("inbox_full", "more events arrive than the disk takes: come back in a moment")
        .retry_after(std::time::Duration::from_secs(1))
}

fn stopped() -> Error {
    Error::unavailable("inbox_stopped", "the inbox has stopped: come back in a moment")
        .retry_after(std::time::Duration::from_secs(1))
}
