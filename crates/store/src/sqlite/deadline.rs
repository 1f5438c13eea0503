//! Cuts a SQLite statement that runs too long: the engine asks every so many steps whether to go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kernel::Result;
use sqlx::SqliteConnection;

use crate::error::from_sqlx;

/// Steps of the engine between two questions: well under a millisecond.
const STEPS: i32 = 10_000;

/// Until when the statement in progress may run.
#[derive(Clone)]
pub(super) struct Deadline {
    began: Instant,
    /// In milliseconds since then.
    at: Arc<AtomicU64>,
}

impl Default for Deadline {
    fn default() -> Self {
        Self { began: Instant::now(), at: Arc::new(AtomicU64::new(u64::MAX)) }
    }
}

impl Deadline {
    /// Makes it hold on this connection.
    pub(super) async fn watch(&self, conn: &mut SqliteConnection) -> Result<()> {
        let deadline = self.clone();
        let mut handle = conn.lock_handle().await.map_err(from_sqlx)?;
        handle.set_progress_handler(STEPS, move || !deadline.is_over());
        Ok(())
    }

    /// So much time from now.
    pub(super) fn set(&self, limit: Duration) {
        self.at.store(milliseconds(self.began.elapsed().saturating_add(limit)), Ordering::Relaxed);
    }

    /// As much time as it takes.
    pub(super) fn clear(&self) {
        self.at.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether its time is up.
    pub(super) fn is_over(&self) -> bool {
        milliseconds(self.began.elapsed()) >= self.at.load(Ordering::Relaxed)
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
