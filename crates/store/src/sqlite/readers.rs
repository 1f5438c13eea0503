//! The connections that read, each with a deadline. All of them can be asked to pause, so that the write-ahead log can begin anew.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::Result;
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::deadline::Deadline;
use crate::error::{busy, down, from_sqlx, slow};

/// A bounded set of connections that read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Pool>);

struct Pool {
    connect: SqliteConnectOptions,
    most: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Reader>>,
    /// The deadlines of what reads now.
    running: Mutex<Vec<(u64, Deadline)>>,
    wait: Duration,
    limit: Duration,
    next: AtomicU64,
}

struct Reader {
    conn: SqliteConnection,
    deadline: Deadline,
}

/// A read transaction on a connection of its own. When it is dropped before its end, what it runs is cut and the connection is closed.
pub(crate) struct Snapshot {
    reader: Option<Reader>,
    pool: Arc<Pool>,
    number: u64,
    _place: OwnedSemaphorePermit,
}

/// Nobody reads, and nobody begins to, for as long as this lives.
pub(crate) struct Pause(#[expect(dead_code, reason = "readers wait for what it holds")] OwnedSemaphorePermit);

impl Readers {
    /// At most `most` at the same time; each waits for its turn for `wait`, and reads for `limit`.
    pub(crate) fn new(connect: SqliteConnectOptions, most: u32, wait: Duration, limit: Duration) -> Self {
        let places = Arc::new(Semaphore::new(most.try_into().unwrap_or(Semaphore::MAX_PERMITS)));
        let (idle, running, next) = Default::default();
        Self(Arc::new(Pool { connect, most, places, idle, running, wait, limit, next }))
    }

    /// Begins a read transaction.
    ///
    /// # Errors
    /// `database_busy` when others read for the whole wait.
    pub(crate) async fn begin(&self) -> Result<Snapshot> {
        let pool = self.0.clone();
        let place = match tokio::time::timeout(pool.wait, pool.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_closed)) => return Err(down()),
            Err(_) => return Err(busy("others read for too long: come back in a moment")),
        };
        let idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => pool.open().await?,
        };
        let number = pool.next.fetch_add(1, Ordering::Relaxed);
        reader.deadline.set(pool.limit);
        pool.running().push((number, reader.deadline.clone()));
        let mut snapshot = Snapshot { reader: Some(reader), pool, number, _place: place };
        snapshot.connection()?.execute("begin").await.map_err(from_sqlx)?;
        Ok(snapshot)
    }

    /// Keeps new readers waiting until those that read are done, for `patience` at most. With `cut`, those that are not done then are
    /// cut off.
    pub(crate) async fn pause(&self, patience: Duration, cut: bool) -> Option<Pause> {
        let all = self.0.places.clone().acquire_many_owned(self.0.most);
        let mut all = std::pin::pin!(all);
        if let Ok(all) = tokio::time::timeout(patience, &mut all).await {
            return all.ok().map(Pause);
        }
        if !cut {
            return None;
        }
        self.0.running().iter().for_each(|(_, deadline)| deadline.set(Duration::ZERO));
        tokio::time::timeout(patience, all).await.ok()?.ok().map(Pause)
    }

    /// Waits for what reads, and lets nobody read any more.
    pub(crate) async fn close(&self) {
        // An error means that they were closed before.
        let all = self.0.places.acquire_many(self.0.most).await;
        self.0.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for reader in idle {
            if let Err(error) = reader.conn.close().await {
                tracing::warn!(?error, "a connection that read was not closed cleanly");
            }
        }
    }
}

impl Pool {
    async fn open(&self) -> Result<Reader> {
        let mut conn = self.connect.connect().await.map_err(from_sqlx)?;
        let deadline = Deadline::default();
        deadline.watch(&mut conn).await?;
        Ok(Reader { conn, deadline })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Deadline)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    /// What its statements run on.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection> {
        let reader = self.reader.as_mut().ok_or_else(down)?;
        // The engine asks for the deadline only in statements that take long.
        if reader.deadline.is_over() { Err(slow()) } else { Ok(&mut reader.conn) }
    }

    /// Ends it. Nothing was written, so there is nothing that could fail for the caller.
    pub(crate) async fn end(mut self) {
        let Some(mut reader) = self.reader.take() else { return };
        reader.deadline.clear();
        if reader.conn.execute("rollback").await.is_ok() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.pool.running().retain(|(number, _)| *number != self.number);
        if let Some(reader) = self.reader.take() {
            reader.deadline.set(Duration::ZERO);
        }
    }
}
