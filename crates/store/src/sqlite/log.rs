//! Keeps the write-ahead log bounded.
//!
//! SQLite copies the log into the file by itself, and begins it anew at a moment when nobody reads from it. Readers that overlap leave
//! no such moment, and the log grows for as long as they do. So past a size new readers wait, those that read get a moment to finish,
//! and the log is emptied.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use tokio::task::JoinHandle;

use super::{
    file::DatabaseFile,
    readers::{Pause, Readers},
};
use crate::Options;

/// How long new readers wait for those that read, before the log is let grow on.
const PATIENCE: Duration = Duration::from_secs(1);
/// Until it is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// So many times the limit, and readers that are not done in time are cut off.
const CUT: u64 = 4;

/// Looks after the log of one file.
pub(super) struct Log {
    file: Arc<DatabaseFile>,
    readers: Readers,
    limit: u64,
    /// How long the writer waits for other processes, other than here.
    wait: Duration,
    not_before: Instant,
    /// Waits for those that read.
    pausing: Option<JoinHandle<Option<Pause>>>,
}

impl Log {
    pub(super) fn new(file: Arc<DatabaseFile>, readers: Readers, options: &Options) -> Self {
        let (limit, wait) = (options.log_limit, options.acquire_timeout);
        Self { file, readers, limit, wait, not_before: Instant::now(), pausing: None }
    }

    /// Called after each commit: begins to wait for the readers when the log is too large.
    pub(super) fn grew(&mut self) {
        if self.pausing.is_some() || self.not_before > Instant::now() {
            return;
        }
        let bytes = self.file.log_bytes();
        if bytes > self.limit {
            let (readers, cut) = (self.readers.clone(), bytes > self.limit.saturating_mul(CUT));
            self.pausing = Some(tokio::spawn(async move { readers.pause(PATIENCE, cut).await }));
        }
    }

    /// Ends when nobody reads any more, or never when nobody was asked to pause. It may be left and called again.
    pub(super) async fn paused(&mut self) -> Option<Pause> {
        let Some(pausing) = &mut self.pausing else { return std::future::pending().await };
        let paused = pausing.await.ok().flatten();
        self.pausing = None;
        self.not_before = Instant::now() + AGAIN;
        paused
    }

    /// Copies the whole log into the file and empties it.
    pub(super) async fn empty(&mut self, conn: &mut SqliteConnection, _paused: Pause) {
        // Another process may read, a command or a backup: it is not waited for.
        let emptied = async {
            sqlx::raw_sql("pragma busy_timeout = 100").execute(&mut *conn).await?;
            let row = sqlx::raw_sql("pragma wal_checkpoint(truncate)").fetch_one(&mut *conn).await?;
            row.try_get::<i64, _>(0).map(|busy| busy == 0)
        };
        let emptied = emptied.await;
        let restore = AssertSqlSafe(format!("pragma busy_timeout = {}", self.wait.as_millis()));
        let restored = sqlx::raw_sql(restore).execute(&mut *conn).await;
        match emptied {
            Ok(true) => {
                self.not_before = Instant::now();
                metrics::counter!("trunkline_sqlite_log_emptied_total").increment(1);
            }
            Ok(false) => tracing::debug!("another process reads from SQLite's write-ahead log; it is emptied later"),
            Err(error) => tracing::warn!(?error, "SQLite's write-ahead log cannot be emptied"),
        }
        if let Err(error) = restored {
            tracing::warn!(?error, "SQLite's writer does not wait for others as it should");
        }
    }
}
