//! How many refreshes run at once on a node, and who is next: organizations take turns, in slices.
//!
//! A refresh that is expected to take long needs a second permit, of which there are few: what is quick always finds a
//! connection to the database, and a share of the processor.

use std::sync::Arc;

use store::Engine;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits of a node. First come, first served.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    long: Arc<Semaphore>,
    trials: Arc<Semaphore>,
}

/// The right to run a refresh, or a trial, until it is dropped.
pub(super) struct Turn {
    _all: OwnedSemaphorePermit,
    long: Option<OwnedSemaphorePermit>,
    longs: Arc<Semaphore>,
}

impl Turns {
    /// As many as the database bears beside its other callers.
    pub(super) fn new(engine: Engine) -> Self {
        let (all, long) = match engine {
            Engine::Sqlite => (3, 1),
            Engine::Postgres => (8, 2),
        };
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { all: semaphore(all), long: semaphore(long), trials: semaphore(1) }
    }

    /// Waits for a turn. None when the node ends.
    pub(super) async fn wait(&self, is_long: bool) -> Option<Turn> {
        let long = if is_long { Some(self.long.clone().acquire_owned().await.ok()?) } else { None };
        let all = self.all.clone().acquire_owned().await.ok()?;
        Some(Turn { _all: all, long, longs: self.long.clone() })
    }

    /// Waits until no other trial runs. None when the node ends.
    pub(super) async fn trial(&self) -> Option<OwnedSemaphorePermit> {
        self.trials.clone().acquire_owned().await.ok()
    }
}

impl Turn {
    /// Goes on for longer than was expected, when that holds up nobody.
    pub(super) fn lengthen(&mut self) -> bool {
        if self.long.is_none() {
            self.long = self.longs.clone().try_acquire_owned().ok();
        }
        self.long.is_some()
    }
}
