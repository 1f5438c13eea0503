//! How much memory the events may take that wait to be written.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of bytes that requests take from and give back. Cheap to clone.
#[derive(Clone)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
    total: u32,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        let total = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        Self { free: Arc::new(Semaphore::new(usize::try_from(total).unwrap_or(1))), total }
    }

    /// Takes so many bytes until the answer is dropped; none when they are not free. A request that is larger than the
    /// whole budget gets it while nothing else waits: it could never be taken otherwise.
    pub(super) fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.total);
        self.free.clone().try_acquire_many_owned(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_bytes_and_given_back() {
        let budget = Budget::new(100);
        let first = budget.take(60).unwrap();
        assert!(budget.take(41).is_none());
        let second = budget.take(40).unwrap();
        assert!(budget.take(1).is_none());
        drop((first, second));
        let large = budget.take(1_000_000).unwrap();
        assert!(budget.take(1).is_none());
        drop(large);
        assert!(budget.take(100).is_some());
    }
}
