//! Group commit: a batch is whatever arrived while the previous commit ran. No timer; the commit in progress is the wait.

use std::{
    collections::{HashMap, HashSet, hash_map},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use kernel::{Code, Error, Result, Scope};
use store::{Db, Isolation};
use tokio::sync::{Mutex, OwnedSemaphorePermit, mpsc, oneshot};

use super::{Accepted, InboxOptions, dedupe::Deduplicator, new_event::NewEvent};
use crate::queue::{EventId, Seq, State};

/// Bodies in one commit, so that a few large ones do not hold up many small ones.
const BATCH_BYTES: usize = 8 << 20;

/// An event whose sender waits for the commit.
pub(super) struct PendingEvent {
    pub event: Arc<NewEvent>,
    pub answer: oneshot::Sender<Result<Accepted>>,
    /// The memory of its request, given back when all of the request's events are answered.
    pub _memory: Arc<OwnedSemaphorePermit>,
}

/// The events of one request, in their order: they are never parted between two writers, which commit in any order.
pub(super) type Request = Vec<PendingEvent>;

/// One of the tasks that write batches.
pub(super) struct BatchWriter {
    db: Db,
    deduplicator: Deduplicator,
    batch: usize,
}

/// What a commit said about each hash.
type Outcome = HashMap<i64, (Seq, bool)>;

impl BatchWriter {
    pub(super) fn new(db: Db, options: InboxOptions) -> Self {
        Self { deduplicator: Deduplicator::new(&db, options.recent), db, batch: options.batch }
    }

    /// Writes until the inbox is gone.
    pub(super) async fn run(self, queue: Arc<Mutex<mpsc::UnboundedReceiver<Request>>>) {
        loop {
            let batch = next_batch(&mut *queue.lock().await, self.batch).await;
            if batch.is_empty() {
                return;
            }
            metrics::histogram!("trunkline_inbox_rows_per_commit").record(u32::try_from(batch.len()).unwrap_or(0));
            self.write(batch).await;
        }
    }

    /// Writes a batch. When the database refuses it, its halves are tried: the guilty one is answered alone.
    fn write(&self, batch: Vec<PendingEvent>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (batch, collisions) = split_collisions(batch);
            if !collisions.is_empty() {
                self.write(batch).await;
                return self.write(collisions).await;
            }
            match self.commit(distinct(&batch)).await {
                Ok(outcome) => answer(batch, &outcome),
                Err(error) if error.code == Code::Unavailable || batch.len() == 1 => refuse(batch, &error),
                Err(error) => {
                    tracing::warn!(?error, rows = batch.len(), "a batch was refused: trying its halves");
                    let mut first = batch;
                    let second = first.split_off(first.len() / 2);
                    self.write(first).await;
                    self.write(second).await;
                }
            }
        })
    }

    /// Stores these events, each under its own hash or, where that belongs to a different event, under a second one.
    async fn commit(&self, events: Vec<Arc<NewEvent>>) -> Result<Outcome> {
        let events = Arc::new(events);
        let mut outcome = self.store(events.clone()).await?;
        let collisions: Vec<_> = events.iter().filter(|event| !outcome.contains_key(&event.hash)).collect();
        for collision in collisions {
            let rehashed = collision.rehashed();
            let (hash, stored) = (rehashed.hash, self.store(Arc::new(vec![Arc::new(rehashed)])).await?);
            let stored =
                stored.get(&hash).ok_or_else(|| Error::internal("hash_taken", "an event's hash is taken, twice"))?;
            outcome.insert(collision.hash, *stored);
        }
        Ok(outcome)
    }

    /// One transaction.
    async fn store(&self, events: Arc<Vec<Arc<NewEvent>>>) -> Result<Outcome> {
        let deduplicator = self.deduplicator.clone();
        let write = store::work(move |tx| {
            let (events, deduplicator) = (events.clone(), deduplicator.clone());
            Box::pin(async move {
                let stored = insert_or_find(tx, &deduplicator, &events).await?;
                // Events that have ended give the workers nothing to do.
                if events.iter().any(|event| event.state == State::Ready) {
                    tx.wake();
                }
                Ok(stored)
            })
        });
        match self.db.write_at(Isolation::Statement, &Scope::System, write).await {
            Ok((outcome, moved)) => {
                self.deduplicator.moved(moved);
                Ok(outcome)
            }
            Err(error) => {
                self.deduplicator.invalidate();
                Err(error)
            }
        }
    }
}

/// Everything that waits, and at least one request; empty when the inbox is gone.
async fn next_batch(queue: &mut mpsc::UnboundedReceiver<Request>, most: usize) -> Vec<PendingEvent> {
    let Some(mut batch) = queue.recv().await else { return Vec::new() };
    let mut bytes: usize = batch.iter().map(|pending| pending.event.body.len()).sum();
    while batch.len() < most && bytes < BATCH_BYTES {
        let Ok(next) = queue.try_recv() else { break };
        bytes += next.iter().map(|pending| pending.event.body.len()).sum::<usize>();
        batch.extend(next);
    }
    batch
}

/// Each hash once, in the order of arrival, which becomes the order of their numbers.
fn distinct(batch: &[PendingEvent]) -> Vec<Arc<NewEvent>> {
    let mut seen = HashSet::with_capacity(batch.len());
    batch.iter().filter(|pending| seen.insert(pending.event.hash)).map(|pending| pending.event.clone()).collect()
}

/// The batch, and those of it whose hash is that of a different event before them: these are written after it.
fn split_collisions(batch: Vec<PendingEvent>) -> (Vec<PendingEvent>, Vec<PendingEvent>) {
    let mut first: HashMap<i64, Arc<NewEvent>> = HashMap::with_capacity(batch.len());
    batch.into_iter().partition(|pending| {
        let event = &pending.event;
        let owner = first.entry(event.hash).or_insert_with(|| event.clone());
        event.is(owner.provider, &owner.connection, &owner.external_id)
    })
}

/// Inserts what is new and finds what was there. A hash that belongs to a different event is missing from the answer.
async fn insert_or_find(
    tx: &mut store::Tx,
    deduplicator: &Deduplicator,
    events: &[Arc<NewEvent>],
) -> Result<(Outcome, usize)> {
    let inserted = deduplicator.insert(tx, events).await?;
    let mut outcome: Outcome = inserted.fresh.into_iter().map(|(hash, seq)| (hash, (seq, true))).collect();
    let rest: Vec<_> = events.iter().filter(|event| !outcome.contains_key(&event.hash)).collect();
    if rest.is_empty() {
        return Ok((outcome, inserted.moved));
    }
    let hashes: Vec<_> = rest.iter().map(|event| event.hash).collect();
    let found = deduplicator.find(tx, &hashes).await?;
    for event in rest {
        if let Some(stored) = found.get(&event.hash)
            && event.is(&stored.provider, &stored.connection, &stored.external_id)
        {
            outcome.insert(event.hash, (stored.seq, false));
        }
    }
    Ok((outcome, inserted.moved))
}

/// Tells every sender; of several that sent the same event together, one hears that it is new.
fn answer(batch: Vec<PendingEvent>, outcome: &Outcome) {
    let mut outcome = outcome.clone();
    let mut ended: HashMap<(&'static str, State), u64> = HashMap::new();
    for PendingEvent { event, answer, _memory } in batch {
        let accepted = match outcome.entry(event.hash) {
            hash_map::Entry::Occupied(mut stored) => {
                let (seq, fresh) = *stored.get();
                stored.insert((seq, false));
                if fresh && event.rank.is_none() {
                    *ended.entry((event.provider, event.state)).or_default() += 1;
                }
                Ok(Accepted { id: EventId::new(seq), fresh })
            }
            hash_map::Entry::Vacant(_) => Err(Error::internal("event_lost", "an event was not written")),
        };
        // A sender that went away sends the event again, and is then told that it was processed.
        drop(answer.send(accepted));
    }
    for ((provider, state), count) in ended {
        metrics::counter!("trunkline_events_total", "provider" => provider, "status" => state.status())
            .increment(count);
    }
}

fn refuse(batch: Vec<PendingEvent>, error: &Error) {
    tracing::warn!(?error, rows = batch.len(), "events were not written");
    for pending in batch {
        let mut answer = Error::new(error.code, error.tag, error.message.clone());
        if let kernel::Retry::After(wait) = error.retry() {
            answer = answer.retry_after(wait);
        }
        drop(pending.answer.send(Err(answer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivery, World, inbox::budget::Budget};

    fn pending(external_id: &str, hash: i64) -> PendingEvent {
        let event = provider::Received::new(external_id, "kind", bytes::Bytes::new());
        let delivery = Delivery {
            provider: "shop",
            connection: String::new(),
            headers: Vec::new(),
            received_at: kernel::Time::from_ms(0),
            events: vec![event],
        };
        let event = NewEvent { hash, ..NewEvent::of(delivery, &World::system(), None).remove(0) };
        let memory = Arc::new(Budget::new(1).take(1).unwrap());
        PendingEvent { event: Arc::new(event), answer: oneshot::channel().0, _memory: memory }
    }

    fn ids(batch: &[PendingEvent]) -> Vec<&str> {
        batch.iter().map(|pending| pending.event.external_id.as_str()).collect()
    }

    #[test]
    fn two_events_of_a_batch_that_share_only_a_hash_are_both_kept() {
        let batch = vec![pending("a", 9), pending("b", 9), pending("a", 9), pending("c", 1)];
        let (batch, collisions) = split_collisions(batch);
        assert_eq!((ids(&batch), ids(&collisions)), (vec!["a", "a", "c"], vec!["b"]));
    }

    #[test]
    fn events_keep_the_order_of_their_arrival() {
        let kept = distinct(&[pending("b", 9), pending("a", 5), pending("b", 9), pending("c", 1)]);
        assert_eq!(kept.iter().map(|event| event.external_id.as_str()).collect::<Vec<_>>(), ["b", "a", "c"]);
    }
}
