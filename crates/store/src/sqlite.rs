//! SQLite: one writer that commits whatever waits for it together, several readers.

mod deadline;
mod writer;

use std::{sync::Arc, time::Duration};

use kernel::{Error, Result, Scope};
use sqlx::{
    ConnectOptions, Sqlite, SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    BoxFuture, Options, Tx,
    error::{busy, down, from_sqlx, slow},
    shared::Shared,
    tx::Conn,
};
use writer::{Message, Write, Writer};

/// Writes that may wait for the writer before a caller is told to come back.
const QUEUE: usize = 4096;
/// Pages (4 KiB) in the log before it is copied into the file. More pages: more rate, longer stalls.
const CHECKPOINT_PAGES: &str = "1000";
/// SQLite's page cache: negative means KiB.
const CACHE_KIB: &str = "-65536";

#[derive(Clone)]
pub(crate) struct SqliteDb {
    writer: mpsc::Sender<Message>,
    readers: SqlitePool,
    acquire_timeout: Duration,
    pub(crate) connect: Arc<SqliteConnectOptions>,
    shared: Shared,
}

impl SqliteDb {
    pub(crate) async fn open(options: &Options, shared: Shared) -> Result<Self> {
        let file = options.sqlite_file();
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(folder).await.map_err(|error| unopenable(&file, error))?;
        }
        let connect = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(options.acquire_timeout)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("cache_size", CACHE_KIB)
            .pragma("temp_store", "memory")
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let readers = readers(options, connect.clone());
        let (writer, inbox) = mpsc::channel(QUEUE);
        let connect = Arc::new(connect);
        let mut writes = Writer::new(connect.clone(), options, inbox, shared.clone());
        // The writer is opened first: it makes the file and switches it to WAL.
        let conn = writes.open().await.map_err(|error| unopenable(&file, error))?;
        tokio::spawn(writes.run(conn));
        Ok(Self { writer, readers, acquire_timeout: options.acquire_timeout, connect, shared })
    }

    pub(crate) async fn read<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        let tx = self.readers.begin().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => busy(),
            other => from_sqlx(other),
        })?;
        let mut tx =
            Tx::new(Conn::SqliteReader(tx), scope.clone(), self.shared.schema.clone(), self.shared.failpoints.clone());
        let answer = work(&mut tx).await?;
        tx.commit().await?;
        Ok(answer)
    }

    pub(crate) async fn write<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        let (write, answer) = Write::new(scope.clone(), work);
        let permit = tokio::time::timeout(self.acquire_timeout, self.writer.reserve()).await;
        permit.map_err(|_| slow())?.map_err(|_| down())?.send(Message::Write(write));
        answer.await.unwrap_or_else(|_| Err(down()))
    }

    pub(crate) async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        if self.writer.send(Message::Close(closed)).await.is_ok() {
            // An error means that the writer ended by itself, which is as good.
            wait.await.unwrap_or_default();
        }
        self.readers.close().await;
    }
}

fn unopenable(file: &std::path::Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::config(
        "database_file",
        format!("the database file {} cannot be opened: choose another with --data or DATABASE_URL", file.display()),
    )
    .source(error)
}

/// Readers see snapshots and cannot write.
fn readers(options: &Options, connect: SqliteConnectOptions) -> SqlitePool {
    PoolOptions::<Sqlite>::new()
        .max_connections(options.max_connections.min(4))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .connect_lazy_with(connect.pragma("query_only", "on"))
}
