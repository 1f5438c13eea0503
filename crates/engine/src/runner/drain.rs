//! How the workers stop: what runs may finish, the rest is for other nodes.

use std::{sync::PoisonError, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

use super::Node;

/// How long the last writes may take, with a database that may be down.
const LAST_WRITES: Duration = Duration::from_secs(3);

impl Node {
    /// Waits for the handlers that run; what has not begun gives itself back. What has not ended in time is cut and given
    /// back too.
    pub(super) async fn drain(&self) {
        self.permits.close();
        if timeout_at(Instant::now() + self.options.drain, self.idle()).await.is_ok() {
            return;
        }
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        let give_back = async {
            for (claim, seqs) in self.claims() {
                tracing::warn!(entries = seqs.len(), "did not end in time: given back");
                self.release(claim, seqs).await;
            }
        };
        if timeout(LAST_WRITES, give_back).await.is_err() {
            tracing::warn!("not everything could be given back: its leases will run out");
        }
    }
}
