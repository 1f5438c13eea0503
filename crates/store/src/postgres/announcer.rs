//! Tells the other nodes that a commit of this one is news for them: see [`crate::Tx::wake`].
//!
//! The notification is sent after the commit and outside of it, because PostgreSQL lets transactions that notify commit
//! one after the other only. Whatever is committed within a pause is announced together.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::Result;
use sqlx::{AssertSqlSafe, Executor};
use tokio::sync::{Mutex, watch};

use super::pool::Pool;
use crate::error::from_sqlx;

/// The channel on which nodes announce that there is something to do.
pub(crate) const CHANNEL: &str = "trunkline_jobs";
/// The pause between two announcements, until it is known how many nodes hear them.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the announcement of the last commits may take when the database is closed.
const LAST: Duration = Duration::from_secs(1);

/// Announces the commits of this process. Cheap to clone; its task ends with the last clone.
#[derive(Clone)]
pub(crate) struct Announcer {
    committed: Arc<watch::Sender<()>>,
    state: Arc<Announcements>,
}

struct Announcements {
    pool: Pool,
    /// Whether something was committed since the last announcement.
    is_pending: AtomicBool,
    /// Held while an announcement is sent, so that closing does not overtake it.
    sending: Mutex<()>,
    /// Who announces; 0 for a process that is no node.
    sender: AtomicI64,
    pause_ms: AtomicU64,
}

impl Announcer {
    /// Starts the task that announces.
    pub(crate) fn start(pool: Pool) -> Self {
        let state = Arc::new(Announcements {
            pool,
            is_pending: AtomicBool::new(false),
            sending: Mutex::new(()),
            sender: AtomicI64::new(0),
            pause_ms: AtomicU64::new(u64::try_from(PAUSE.as_millis()).unwrap_or(10)),
        });
        let (committed, commits) = watch::channel(());
        tokio::spawn(run(Arc::downgrade(&state), commits));
        Self { committed: Arc::new(committed), state }
    }

    /// Notes a commit that is news for others.
    pub(crate) fn announce(&self) {
        self.state.is_pending.store(true, Ordering::SeqCst);
        self.committed.send_replace(());
    }

    /// Says as whom this process announces, and how long it gathers.
    pub(crate) fn announce_as(&self, sender: i64, pause: Duration) {
        self.state.sender.store(sender, Ordering::SeqCst);
        self.state.pause_ms.store(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Sends what is still to be announced, before the pool closes.
    pub(crate) async fn flush(&self) {
        tokio::time::timeout(LAST, self.state.send()).await.unwrap_or_default();
    }
}

async fn run(state: Weak<Announcements>, mut commits: watch::Receiver<()>) {
    while commits.changed().await.is_ok() {
        let pause = {
            let Some(state) = state.upgrade() else { return };
            state.send().await;
            state.pause_ms.load(Ordering::SeqCst)
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

impl Announcements {
    async fn send(&self) {
        let _sending = self.sending.lock().await;
        if !self.is_pending.swap(false, Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.notify().await {
            // Other nodes look by themselves, a little later.
            tracing::debug!(?error, "other nodes were not woken");
        }
    }

    /// Without values: a pooler may part a statement from its values.
    async fn notify(&self) -> Result<()> {
        let sender = self.sender.load(Ordering::SeqCst);
        let notify = format!("select pg_notify('{CHANNEL}', '{sender}')");
        let mut lent = self.pool.lend().await?;
        lent.connection().execute(AssertSqlSafe(notify)).await.map(drop).map_err(from_sqlx)
    }
}
