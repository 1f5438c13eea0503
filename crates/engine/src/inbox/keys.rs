//! What recognises an event that comes again: the hash of its id.
//!
//! Hashes come in random order, so each one that goes into an index is a page of its own to write. PostgreSQL takes that:
//! several nodes write there, and only the index sees them all. SQLite has one writer, whose newest hashes are kept in
//! memory (and on disk, in the order of arrival, to be found again after a restart); when there are many, they move to
//! the table of keys in sorted runs, where neighbours share pages.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::Result;
use store::{Db, Engine, Row, Tx};

use super::{postgres, rows::Entry, sqlite};
use crate::queue::Seq;

/// Hashes for each batch, at least, among those that are kept: each batch is a row to be read at the start.
const OF_A_BATCH: usize = 20;

/// An event that was there before.
pub(super) struct Known {
    pub seq: Seq,
    pub provider: String,
    pub connection: String,
    pub external_id: String,
}

impl Known {
    /// With its hash.
    pub(super) fn from_row(row: &Row) -> Result<(i64, Self)> {
        let event = Self {
            seq: row.int("seq")?,
            provider: row.text("provider")?,
            connection: row.text("connection")?,
            external_id: row.text("external_id")?,
        };
        Ok((row.int("hash")?, event))
    }
}

/// What an insert did.
pub(super) struct Inserted {
    /// The numbers of the events that are new, by hash.
    pub fresh: HashMap<i64, Seq>,
    /// Hashes that moved from memory to the table of keys.
    pub moved: usize,
}

/// Where hashes are looked up. Cheap to clone.
#[derive(Clone)]
pub(super) enum Keys {
    /// In a unique index.
    Index,
    /// The newest in memory, the others in a table.
    Recent(Arc<Mutex<Recent>>),
}

impl Keys {
    /// Keeps up to `recent` hashes in memory before they begin to move.
    pub(super) fn new(db: &Db, recent: usize) -> Self {
        match db.engine() {
            Engine::Sqlite => Self::Recent(Arc::new(Mutex::new(Recent::new(recent)))),
            Engine::Postgres => Self::Index,
        }
    }

    /// Writes the entries that are new, with their jobs.
    pub(super) async fn insert(&self, tx: &mut Tx, entries: &[Arc<Entry>]) -> Result<Inserted> {
        match self {
            Self::Index => postgres::insert(tx, entries).await,
            Self::Recent(recent) => sqlite::insert(tx, recent, entries).await,
        }
    }

    /// Finds the events with these hashes.
    pub(super) async fn known(&self, tx: &mut Tx, hashes: &[i64]) -> Result<HashMap<i64, Known>> {
        match self {
            Self::Index => postgres::known(tx, hashes).await,
            Self::Recent(recent) => sqlite::known(tx, recent, hashes).await,
        }
    }

    /// So many hashes are in the table for good.
    pub(super) fn moved(&self, count: usize) {
        if let Self::Recent(recent) = self {
            lock(recent).moved(count);
        }
    }

    /// Nobody knows what became of a batch: what memory holds is read again.
    pub(super) fn doubt(&self) {
        if let Self::Recent(recent) = self {
            let mut recent = lock(recent);
            *recent = Recent::new(recent.most);
        }
    }
}

pub(super) fn lock(recent: &Mutex<Recent>) -> MutexGuard<'_, Recent> {
    recent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hashes that are not in the table of keys yet, with the numbers of their events.
pub(super) struct Recent {
    /// So many begin to move.
    most: usize,
    young: HashMap<i64, Seq>,
    /// Rows that the young ones came in.
    batches: usize,
    /// The first number of the last batch that was read.
    read: Seq,
    moving: Option<Moving>,
}

/// Hashes on their way to the table.
struct Moving {
    /// Sorted by hash.
    keys: Vec<(i64, Seq)>,
    /// How many are there.
    done: usize,
    /// The first number of the last batch they came in.
    last: Seq,
}

/// The next step of the move.
#[derive(Default)]
pub(super) struct Step {
    /// Hashes and numbers to be put into the table, sorted.
    pub keys: Vec<(i64, Seq)>,
    /// All batches up to this one are in the table after it; 0 before that.
    pub over: Seq,
}

impl Recent {
    fn new(most: usize) -> Self {
        Self { most, young: HashMap::new(), batches: 0, read: 0, moving: None }
    }

    pub(super) fn get(&self, hash: i64) -> Option<Seq> {
        self.young.get(&hash).copied().or_else(|| self.moving.as_ref()?.get(hash))
    }

    /// The first number of the last batch that is known.
    pub(super) fn read(&self) -> Seq {
        self.read
    }

    /// Takes in a batch: the hashes of events whose numbers follow one another.
    pub(super) fn learn(&mut self, first: Seq, hashes: &[u8]) {
        let hashes = hashes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
        self.young.extend(hashes.zip(first..));
        self.batches += 1;
        self.read = self.read.max(first);
    }

    /// The next `count` hashes to move, once there are many.
    pub(super) fn step(&mut self, count: usize) -> Step {
        if self.moving.is_none() && (self.young.len() >= self.most || self.batches >= self.most / OF_A_BATCH) {
            let mut keys: Vec<_> = std::mem::take(&mut self.young).into_iter().collect();
            keys.sort_unstable();
            self.batches = 0;
            self.moving = Some(Moving { keys, done: 0, last: self.read });
        }
        self.moving.as_ref().map(|moving| moving.step(count)).unwrap_or_default()
    }

    fn moved(&mut self, count: usize) {
        if let Some(moving) = &mut self.moving {
            moving.done += count;
            if moving.done >= moving.keys.len() {
                self.moving = None;
            }
        }
    }
}

impl Moving {
    fn get(&self, hash: i64) -> Option<Seq> {
        let at = self.keys.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        Some(self.keys[at].1)
    }

    fn step(&self, count: usize) -> Step {
        let end = self.keys.len().min(self.done + count);
        let over = if end == self.keys.len() { self.last } else { 0 };
        Step { keys: self.keys[self.done..end].to_vec(), over }
    }
}

/// A batch as [`Recent::learn`] reads it.
pub(super) fn packed(hashes: impl Iterator<Item = i64>) -> Vec<u8> {
    hashes.flat_map(i64::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_found_until_all_of_it_has_moved_and_in_sorted_runs() {
        let mut recent = Recent::new(20_000);
        for batch in 0..10_000 {
            recent.learn(batch * 2 + 1, &packed([batch * 7919 % 10_007 * 2, -batch - 1].into_iter()));
        }
        let first = recent.step(15_000);
        assert_eq!((first.keys.len(), first.over), (15_000, 0));
        // It was not committed: the same again.
        assert_eq!(recent.step(15_000).keys, first.keys);
        recent.moved(15_000);
        recent.learn(20_001, &packed([77_777].into_iter()));
        let rest = recent.step(15_000);
        assert_eq!((rest.keys.len(), rest.over), (5_000, 19_999));
        assert!(first.keys.iter().chain(&rest.keys).is_sorted());
        assert_eq!((recent.get(-1), recent.get(7919 * 2), recent.get(77_777)), (Some(2), Some(3), Some(20_001)));
        recent.moved(5_000);
        assert_eq!((recent.get(-1), recent.get(77_777)), (None, Some(20_001)));
        assert!(recent.step(15_000).keys.is_empty());
    }
}
