//! Work that may take a part of the time only, however much of it there is.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How much longer than such work the pause after it is: it takes a twentieth of the time.
const PAUSES: u32 = 19;

/// When it may be done again.
#[derive(Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// It was done, and took this long.
    pub(super) fn set(&self, took: Duration) {
        *self.lock() = Some(Instant::now() + took * PAUSES);
    }

    /// How long until it may be done again.
    pub(super) fn wait(&self) -> Duration {
        self.lock().map_or(Duration::ZERO, |next| next.saturating_duration_since(Instant::now()))
    }

    /// Lets it be done at once.
    pub(super) fn reset(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
