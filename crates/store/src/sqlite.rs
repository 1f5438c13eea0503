//! SQLite: one writer that commits whatever waits for it together, several readers.

mod deadline;
mod file;
mod log;
mod readers;
mod writer;

use std::{sync::Arc, time::Duration};

use kernel::{Error, Result, Scope};
use sqlx::{
    ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{mpsc, oneshot};

pub(crate) use file::{DatabaseFile, unopenable};
pub use file::{FileLock, make_private_folder};
use log::Log;
use readers::Readers;
pub(crate) use readers::Snapshot;
use writer::{Message, Write, Writer};

use crate::{
    Access, BoxFuture, Options, Tx,
    error::{busy, down, from_sqlx, slow},
    shared::Shared,
    tx::Conn,
};

/// Writes that may wait for the writer before a caller is told to come back.
const QUEUE: usize = 4096;
/// Readers at the same time.
const READERS: u32 = 4;
/// Pages (4 KiB) in the log before it is copied into the file. More pages: more rate, longer stalls.
const CHECKPOINT_PAGES: &str = "1000";
/// SQLite's page cache: negative means KiB.
const CACHE_KIB: &str = "-65536";

#[derive(Clone)]
pub(crate) struct SqliteDb {
    /// None for those who only read.
    writer: Option<mpsc::Sender<Message>>,
    readers: Readers,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    connect: Arc<SqliteConnectOptions>,
    shared: Shared,
}

impl SqliteDb {
    pub(crate) async fn open(options: &Options, shared: Shared) -> Result<Self> {
        let file = DatabaseFile::of(options)?;
        let file = Arc::new(file.ok_or_else(|| Error::internal("no_file", "a SQLite database has no file"))?);
        file.must_be_whole()?;
        match options.access {
            Access::Write => file.make()?,
            Access::Read => file.must_exist()?,
        }
        let connect = connect(&file, options);
        let readers = Readers::new(
            connect.clone().pragma("query_only", "on"),
            options.max_connections.min(READERS),
            options.acquire_timeout,
            options.statement_timeout,
        );
        let connect = Arc::new(connect);
        let writer = match options.access {
            Access::Read => None,
            Access::Write => {
                let (writer, inbox) = mpsc::channel(QUEUE);
                let log = Log::new(file.clone(), readers.clone(), options);
                let mut writes = Writer::new(connect.clone(), options, inbox, shared.clone(), log);
                // The writer is opened first: it switches the file to WAL.
                let conn = writes.open().await.map_err(|error| unopenable(file.path(), error))?;
                tokio::spawn(writes.run(conn));
                Some(writer)
            }
        };
        let (acquire_timeout, statement_timeout) = (options.acquire_timeout, options.statement_timeout);
        Ok(Self { writer, readers, acquire_timeout, statement_timeout, connect, shared })
    }

    /// A connection of its own, for migrations and for backups.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection> {
        self.connect.connect().await.map_err(from_sqlx)
    }

    pub(crate) async fn read<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        let conn = Conn::SqliteReader(self.readers.begin().await?);
        let mut tx = Tx::new(conn, scope.clone(), self.shared.schema.clone(), self.shared.failpoints.clone());
        // A snapshot that is held while nothing is asked of it keeps the log from beginning anew.
        let answer = tokio::time::timeout(self.statement_timeout, work(&mut tx)).await.map_err(|_| slow())?;
        tx.end_read().await;
        answer
    }

    pub(crate) async fn write<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        let Some(writer) = &self.writer else { return Err(crate::error::opened_to_read()) };
        let (write, answer) = Write::new(scope.clone(), work);
        let permit = tokio::time::timeout(self.acquire_timeout, writer.reserve()).await;
        let permit = permit.map_err(|_| busy("more writes wait than SQLite can take: come back in a moment"))?;
        permit.map_err(|_| down())?.send(Message::Write(write));
        answer.await.unwrap_or_else(|_| Err(down()))
    }

    /// Called after a migration, which has a connection of its own: what it wrote is not another process's.
    pub(crate) async fn migrated(&self) {
        let (noted, wait) = oneshot::channel();
        if let Some(writer) = &self.writer
            && writer.send(Message::Migrated(noted)).await.is_ok()
        {
            // An error means that the writer has ended: nobody is told of anything any more.
            wait.await.unwrap_or_default();
        }
    }

    pub(crate) async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        if let Some(writer) = &self.writer
            && writer.send(Message::Close(closed)).await.is_ok()
        {
            // An error means that the writer ended by itself, which is as good.
            wait.await.unwrap_or_default();
        }
        self.readers.close().await;
    }
}

fn connect(file: &DatabaseFile, options: &Options) -> SqliteConnectOptions {
    let connect = SqliteConnectOptions::new()
        .filename(file.path())
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(options.acquire_timeout)
        .pragma("cache_size", CACHE_KIB)
        .pragma("temp_store", "memory")
        .statement_cache_capacity(256)
        .disable_statement_logging();
    match options.access {
        // What only reads changes nothing of the file, not even how it keeps its log.
        Access::Read => connect.pragma("query_only", "on"),
        Access::Write => connect
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES),
    }
}
