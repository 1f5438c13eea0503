//! The hashes of the newest events, in memory: how SQLite recognises an event that comes again.
//!
//! On disk they stand in the order of arrival, to be found again after a restart. When there are many, they move to the
//! table of keys in sorted runs, where neighbours share pages.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::queue::Seq;

/// Hashes for each batch, at least, among those that are kept: each batch is a row to be read at the start.
const OF_A_BATCH: usize = 20;

pub(super) fn lock(recent: &Mutex<RecentHashes>) -> MutexGuard<'_, RecentHashes> {
    recent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hashes that are not in the table of keys yet, with the numbers of their events.
pub(super) struct RecentHashes {
    /// So many begin to move.
    capacity: usize,
    newest: HashMap<i64, Seq>,
    /// Rows of `event_batches` that the newest came in.
    batches: usize,
    /// The first number of the last batch that was read.
    read_until: Seq,
    transfer: Option<Transfer>,
    /// Events up to this number are deleted, except those whose hashes are in the table of keys.
    forgotten: Seq,
}

/// Hashes on their way to the table of keys.
struct Transfer {
    /// Sorted by hash.
    keys: Vec<(i64, Seq)>,
    /// How many are in the table.
    done: usize,
    /// The first number of the last batch they came in.
    last_batch: Seq,
}

/// The part of a transfer that goes along with the next commit.
#[derive(Default)]
pub(super) struct TransferRun {
    /// Hashes and numbers to be inserted into the table of keys, sorted.
    pub keys: Vec<(i64, Seq)>,
    /// All batches up to this one are in the table after it; 0 while the transfer goes on.
    pub completes_batch: Seq,
}

impl RecentHashes {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, newest: HashMap::new(), batches: 0, read_until: 0, transfer: None, forgotten: 0 }
    }

    /// Forgets everything: it is read again from the disk.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    pub(super) fn get(&self, hash: i64) -> Option<Seq> {
        let known = self.newest.get(&hash).copied().or_else(|| self.transfer.as_ref()?.get(hash));
        known.filter(|seq| *seq > self.forgotten)
    }

    /// The first number of the last batch that is known.
    pub(super) fn read_until(&self) -> Seq {
        self.read_until
    }

    /// Recognises no event up to this number any more: the retention has deleted them.
    pub(super) fn forget(&mut self, until: Seq) {
        if until > self.forgotten {
            self.forgotten = until;
            self.newest.retain(|_, seq| *seq > until);
        }
    }

    /// Adds a batch: the hashes of events whose numbers follow one another.
    pub(super) fn add(&mut self, first: Seq, hashes: &[u8]) {
        let hashes = hashes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
        self.newest.extend(hashes.zip(first..));
        self.batches += 1;
        self.read_until = self.read_until.max(first);
    }

    /// The next `count` hashes to move, once there are many.
    pub(super) fn next_run(&mut self, count: usize) -> TransferRun {
        let many = self.newest.len() >= self.capacity || self.batches >= self.capacity / OF_A_BATCH;
        if self.transfer.is_none() && many {
            let mut keys: Vec<_> = std::mem::take(&mut self.newest).into_iter().collect();
            keys.sort_unstable();
            self.batches = 0;
            self.transfer = Some(Transfer { keys, done: 0, last_batch: self.read_until });
        }
        self.transfer.as_ref().map(|transfer| transfer.next_run(count)).unwrap_or_default()
    }

    /// Notes that so many hashes of the transfer were committed.
    pub(super) fn moved(&mut self, count: usize) {
        if let Some(transfer) = &mut self.transfer {
            transfer.done += count;
            if transfer.done >= transfer.keys.len() {
                self.transfer = None;
            }
        }
    }
}

impl Transfer {
    fn get(&self, hash: i64) -> Option<Seq> {
        let at = self.keys.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        Some(self.keys[at].1)
    }

    fn next_run(&self, count: usize) -> TransferRun {
        let end = self.keys.len().min(self.done + count);
        let completes_batch = if end == self.keys.len() { self.last_batch } else { 0 };
        TransferRun { keys: self.keys[self.done..end].to_vec(), completes_batch }
    }
}

/// A batch as [`RecentHashes::add`] reads it.
pub(super) fn packed(hashes: impl Iterator<Item = i64>) -> Vec<u8> {
    hashes.flat_map(i64::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_retention_deleted_is_not_recognised_wherever_it_is() {
        let mut recent = RecentHashes::new(20);
        recent.add(1, &packed([11, 12, 13].into_iter()));
        recent.forget(2);
        assert_eq!((recent.get(11), recent.get(12), recent.get(13)), (None, None, Some(3)));
        // A batch that is read again, and one on its way to the table.
        recent.add(1, &packed([11, 12, 13].into_iter()));
        recent.add(4, &packed(20..60));
        recent.next_run(1);
        assert_eq!((recent.get(11), recent.get(13)), (None, Some(3)));
        recent.forget(3);
        assert_eq!((recent.get(13), recent.get(20)), (None, Some(4)));
    }

    #[test]
    fn what_moves_is_found_until_all_of_it_has_moved_and_in_sorted_runs() {
        let mut recent = RecentHashes::new(20_000);
        for batch in 0..10_000 {
            recent.add(batch * 2 + 1, &packed([batch * 7919 % 10_007 * 2, -batch - 1].into_iter()));
        }
        let first = recent.next_run(15_000);
        assert_eq!((first.keys.len(), first.completes_batch), (15_000, 0));
        // It was not committed: the same again.
        assert_eq!(recent.next_run(15_000).keys, first.keys);
        recent.moved(15_000);
        recent.add(20_001, &packed([77_777].into_iter()));
        let rest = recent.next_run(15_000);
        assert_eq!((rest.keys.len(), rest.completes_batch), (5_000, 19_999));
        assert!(first.keys.iter().chain(&rest.keys).is_sorted());
        assert_eq!((recent.get(-1), recent.get(7919 * 2), recent.get(77_777)), (Some(2), Some(3), Some(20_001)));
        recent.moved(5_000);
        assert_eq!((recent.get(-1), recent.get(77_777)), (None, Some(20_001)));
        assert!(recent.next_run(15_000).keys.is_empty());
    }
}
