//! SQLite: one writer that commits whatever waits for it together, several readers.

use std::{sync::Arc, time::Duration};

use kernel::{Error, Result, Scope};
use sqlx::{
    ConnectOptions, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    BoxFuture, Options, Tx,
    error::{down, from_sqlx, slow},
    tx::Conn,
};

/// Writes that may wait for the writer before a caller is told to come back.
const QUEUE: usize = 4096;
/// Writes that share one commit. The first of them waits for the last, so this bounds the wait.
const BATCH: usize = 256;
/// How long a batch may grow in time: one slow write must not hold the commit of many fast ones.
const BATCH_TIME: Duration = Duration::from_millis(20);
/// Pages (4 KiB) in the log before it is copied into the file. More pages: more rate, longer stalls.
const CHECKPOINT_PAGES: &str = "2000";
/// SQLite's page cache: negative means KiB.
const CACHE_KIB: &str = "-32768";

#[derive(Clone)]
pub(crate) struct SqliteDb {
    writer: mpsc::Sender<Message>,
    readers: SqlitePool,
    acquire_timeout: Duration,
    pub(crate) connect: Arc<SqliteConnectOptions>,
}

enum Message {
    Write(Write),
    Close(oneshot::Sender<()>),
}

/// One caller's work and its answer, of whatever type it is.
struct Write {
    scope: Scope,
    work: Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Answer> + Send>,
}

/// Whether the work wants its changes kept, and how its caller learns of the end.
struct Answer {
    keep: bool,
    tell: Box<dyn FnOnce(Result<()>) + Send>,
}

impl SqliteDb {
    pub(crate) async fn open(options: &Options, woken: Arc<Notify>) -> Result<Self> {
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
        // The writer is opened first: it makes the file and switches it to WAL.
        let conn = connect.connect().await.map_err(|error| unopenable(&file, error))?;
        let readers = readers(options, connect.clone());
        let (writer, inbox) = mpsc::channel(QUEUE);
        let connect = Arc::new(connect);
        let writer_loop = Writer { connect: connect.clone(), statement_timeout: options.statement_timeout, woken };
        tokio::spawn(writer_loop.run(inbox, conn));
        Ok(Self { writer, readers, acquire_timeout: options.acquire_timeout, connect })
    }

    pub(crate) async fn read<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        let tx = self.readers.begin().await.map_err(from_sqlx)?;
        let mut tx = Tx::new(Conn::SqliteReader(tx), scope.clone());
        let answer = work(&mut tx).await?;
        tx.commit().await?;
        Ok(answer)
    }

    pub(crate) async fn write<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + 'static,
    {
        let (told, answer) = oneshot::channel();
        let write = Write { scope: scope.clone(), work: erase(work, told) };
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

/// Hides the type of a caller's answer, so that writes of all kinds wait in one queue.
fn erase<T, F>(
    work: F,
    told: oneshot::Sender<Result<T>>,
) -> Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Answer> + Send>
where
    T: Send + 'static,
    F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + 'static,
{
    Box::new(move |tx| {
        Box::pin(async move {
            let result = work(tx).await;
            Answer {
                keep: result.is_ok(),
                // A caller that went away does not hear the answer.
                tell: Box::new(move |end| drop(told.send(end.and(result)))),
            }
        })
    })
}

/// What the one task that writes needs.
struct Writer {
    connect: Arc<SqliteConnectOptions>,
    statement_timeout: Duration,
    woken: Arc<Notify>,
}

/// Runs whatever waits in one transaction, commits, answers; again and again.
impl Writer {
    async fn run(self, mut inbox: mpsc::Receiver<Message>, conn: SqliteConnection) {
        let mut conn = Some(conn);
        while let Some(message) = inbox.recv().await {
            let first = match message {
                Message::Write(write) => write,
                Message::Close(closed) => {
                    drop(conn.take());
                    // A caller that went away does not need to know.
                    closed.send(()).unwrap_or_default();
                    return;
                }
            };
            let open = match conn.take() {
                Some(open) => Ok(open),
                None => self.connect.connect().await.map_err(from_sqlx),
            };
            conn = match open {
                Ok(open) => self.batch(open, first, &mut inbox).await,
                Err(error) => {
                    // Dropping the write tells its caller `database_down`.
                    tracing::error!(?error, "SQLite's file cannot be opened");
                    None
                }
            };
        }
    }

    /// One transaction. Gives the connection back unless it is in doubt.
    async fn batch(
        &self,
        conn: SqliteConnection,
        first: Write,
        inbox: &mut mpsc::Receiver<Message>,
    ) -> Option<SqliteConnection> {
        let mut tx = Tx::new(Conn::SqliteWriter(conn), Scope::System);
        if let Err(error) = tx.control("begin immediate").await {
            tracing::warn!(?error, "SQLite's writer cannot begin");
            return None;
        }
        let began = tokio::time::Instant::now();
        let mut answers = Vec::new();
        let mut healthy = true;
        let mut next = Some(first);
        while let Some(write) = next.take() {
            match one(&mut tx, write, self.statement_timeout).await {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    tracing::error!(?error, "SQLite's writer lost its transaction");
                    healthy = false;
                    break;
                }
            }
            if answers.len() < BATCH
                && began.elapsed() < BATCH_TIME
                && let Ok(Message::Write(write)) = inbox.try_recv()
            {
                next = Some(write);
            }
        }
        metrics::histogram!("trunkline_sqlite_writes_per_commit").record(u32::try_from(answers.len()).unwrap_or(0));
        let committed = if healthy { tx.control("commit").await } else { Err(down()) };
        let ok = committed.is_ok();
        if let Err(error) = committed {
            tracing::error!(?error, "SQLite's writer cannot commit");
        }
        for answer in answers {
            (answer.tell)(if ok { Ok(()) } else { Err(down()) });
        }
        if ok && tx.wakes {
            self.woken.notify_waiters();
        }
        match tx.conn {
            Conn::SqliteWriter(conn) if ok => Some(conn),
            Conn::SqliteWriter(_) | Conn::SqliteReader(_) | Conn::Postgres(_) => None,
        }
    }
}

/// One caller's work in a savepoint: what fails leaves no trace, and its neighbours do not notice.
async fn one(tx: &mut Tx, write: Write, limit: Duration) -> Result<Answer> {
    tx.control("savepoint one").await?;
    tx.set_scope(write.scope);
    let Ok(answer) = tokio::time::timeout(limit, (write.work)(tx)).await else {
        // Its caller hears `down` when the answer's channel is dropped.
        tx.control("rollback to one").await?;
        tx.control("release one").await?;
        return Ok(Answer { keep: false, tell: Box::new(drop) });
    };
    if !answer.keep {
        tx.control("rollback to one").await?;
    }
    tx.control("release one").await?;
    Ok(answer)
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
