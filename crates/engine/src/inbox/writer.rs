//! Group commit: a batch is whatever arrived while the previous commit ran. No timer; the commit in progress is the wait.

use std::{
    collections::{HashMap, HashSet, hash_map},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use kernel::{Code, Error, Result, Scope};
use store::{Db, Isolation};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Accepted, InboxOptions, keys::Keys, rows::Entry};
use crate::queue::{EventId, Seq};

/// Bodies in one commit, so that a few large ones do not hold up many small ones.
const BATCH_BYTES: usize = 8 << 20;

/// An event whose sender waits.
pub(super) struct Waiting {
    pub entry: Arc<Entry>,
    pub tell: oneshot::Sender<Result<Accepted>>,
}

/// The events of one request, in their order: they are never parted between two writers, which commit in any order.
pub(super) type Request = Vec<Waiting>;

/// One of the tasks that write.
pub(super) struct Writer {
    db: Db,
    keys: Keys,
    batch: usize,
}

/// What a commit said about each hash.
type Outcome = HashMap<i64, (Seq, bool)>;

impl Writer {
    pub(super) fn new(db: Db, options: InboxOptions) -> Self {
        Self { keys: Keys::new(&db, options.recent), db, batch: options.batch }
    }

    /// Writes until the inbox is gone.
    pub(super) async fn run(self, queue: Arc<Mutex<mpsc::Receiver<Request>>>) {
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
    fn write(&self, batch: Vec<Waiting>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (batch, strangers) = part(batch);
            if !strangers.is_empty() {
                self.write(batch).await;
                return self.write(strangers).await;
            }
            let entries = distinct(&batch);
            match self.commit(entries).await {
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

    /// Keeps these entries, each under its own hash or, where that belongs to another event, under a second one.
    async fn commit(&self, entries: Vec<Arc<Entry>>) -> Result<Outcome> {
        let entries = Arc::new(entries);
        let mut outcome = self.keep(entries.clone()).await?;
        let strangers: Vec<_> = entries.iter().filter(|entry| !outcome.contains_key(&entry.hash)).collect();
        for stranger in strangers {
            let again = stranger.rehashed();
            let (hash, kept) = (again.hash, self.keep(Arc::new(vec![Arc::new(again)])).await?);
            let kept =
                kept.get(&hash).ok_or_else(|| Error::internal("hash_taken", "an event's hash is taken, twice"))?;
            outcome.insert(stranger.hash, *kept);
        }
        Ok(outcome)
    }

    /// One transaction.
    async fn keep(&self, entries: Arc<Vec<Arc<Entry>>>) -> Result<Outcome> {
        let keys = self.keys.clone();
        let write = store::work(move |tx| {
            let (entries, keys) = (entries.clone(), keys.clone());
            Box::pin(async move {
                let kept = keep(tx, &keys, &entries).await?;
                tx.wake();
                Ok(kept)
            })
        });
        match self.db.write_at(Isolation::Statement, &Scope::System, write).await {
            Ok((outcome, moved)) => {
                self.keys.moved(moved);
                Ok(outcome)
            }
            Err(error) => {
                self.keys.doubt();
                Err(error)
            }
        }
    }
}

/// Everything that waits, and at least one request; empty when the inbox is gone.
async fn next_batch(queue: &mut mpsc::Receiver<Request>, most: usize) -> Vec<Waiting> {
    let Some(mut batch) = queue.recv().await else { return Vec::new() };
    let mut bytes: usize = batch.iter().map(|waiting| waiting.entry.body.len()).sum();
    while batch.len() < most && bytes < BATCH_BYTES {
        let Ok(next) = queue.try_recv() else { break };
        bytes += next.iter().map(|waiting| waiting.entry.body.len()).sum::<usize>();
        batch.extend(next);
    }
    batch
}

/// Each hash once, in the order of arrival, which becomes the order of their numbers.
fn distinct(batch: &[Waiting]) -> Vec<Arc<Entry>> {
    let mut seen = HashSet::with_capacity(batch.len());
    batch.iter().filter(|waiting| seen.insert(waiting.entry.hash)).map(|waiting| waiting.entry.clone()).collect()
}

/// The batch, and those whose hash belongs to another event of it: these are strangers to it only once it is written.
fn part(batch: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut first: HashMap<i64, Arc<Entry>> = HashMap::with_capacity(batch.len());
    batch.into_iter().partition(|waiting| {
        let entry = &waiting.entry;
        let owner = first.entry(entry.hash).or_insert_with(|| entry.clone());
        entry.is(owner.provider, &owner.connection, &owner.external_id)
    })
}

/// Inserts what is new and finds what was there. A hash that belongs to a stranger is missing from the answer.
async fn keep(tx: &mut store::Tx, keys: &Keys, entries: &[Arc<Entry>]) -> Result<(Outcome, usize)> {
    let inserted = keys.insert(tx, entries).await?;
    let mut outcome: Outcome = inserted.fresh.into_iter().map(|(hash, seq)| (hash, (seq, true))).collect();
    let rest: Vec<_> = entries.iter().filter(|entry| !outcome.contains_key(&entry.hash)).collect();
    if rest.is_empty() {
        return Ok((outcome, inserted.moved));
    }
    let hashes: Vec<_> = rest.iter().map(|entry| entry.hash).collect();
    let known = keys.known(tx, &hashes).await?;
    for entry in rest {
        if let Some(event) = known.get(&entry.hash)
            && entry.is(&event.provider, &event.connection, &event.external_id)
        {
            outcome.insert(entry.hash, (event.seq, false));
        }
    }
    Ok((outcome, inserted.moved))
}

/// Tells every sender; of several that sent the same event together, one hears that it is new.
fn answer(batch: Vec<Waiting>, outcome: &Outcome) {
    let mut outcome = outcome.clone();
    for Waiting { entry, tell } in batch {
        let answer = match outcome.entry(entry.hash) {
            hash_map::Entry::Occupied(mut kept) => {
                let (seq, fresh) = *kept.get();
                kept.insert((seq, false));
                Ok(Accepted { id: EventId::new(seq), fresh })
            }
            hash_map::Entry::Vacant(_) => Err(Error::internal("event_lost", "an event was not written")),
        };
        // A sender that went away sends the event again, and is then told that it was processed.
        drop(tell.send(answer));
    }
}

fn refuse(batch: Vec<Waiting>, error: &Error) {
    tracing::warn!(?error, rows = batch.len(), "events were not written");
    for waiting in batch {
        let mut answer = Error::new(error.code, error.tag, error.message.clone());
        if let kernel::Retry::After(wait) = error.retry() {
            answer = answer.retry_after(wait);
        }
        drop(waiting.tell.send(Err(answer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivery, World};

    fn entry(external_id: &str, hash: i64) -> Waiting {
        let event = provider::Received::new(external_id, "kind", bytes::Bytes::new());
        let delivery = Delivery {
            provider: "shop",
            connection: String::new(),
            headers: Vec::new(),
            received_at: kernel::Time::from_ms(0),
            events: vec![event],
        };
        let entry = Entry { hash, ..Entry::of(delivery, &World::system()).remove(0) };
        Waiting { entry: Arc::new(entry), tell: oneshot::channel().0 }
    }

    fn ids(batch: &[Waiting]) -> Vec<&str> {
        batch.iter().map(|waiting| waiting.entry.external_id.as_str()).collect()
    }

    #[test]
    fn two_events_of_a_batch_that_share_only_a_hash_are_both_kept() {
        let (batch, strangers) = part(vec![entry("a", 9), entry("b", 9), entry("a", 9), entry("c", 1)]);
        assert_eq!((ids(&batch), ids(&strangers)), (vec!["a", "a", "c"], vec!["b"]));
    }

    #[test]
    fn events_keep_the_order_of_their_arrival() {
        let kept = distinct(&[entry("b", 9), entry("a", 5), entry("b", 9), entry("c", 1)]);
        assert_eq!(kept.iter().map(|entry| entry.external_id.as_str()).collect::<Vec<_>>(), ["b", "a", "c"]);
    }
}
