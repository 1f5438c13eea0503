//! The one task that writes: whatever waits shares a commit, each write in its own savepoint.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use kernel::{Result, Scope};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot};

use super::{deadline::Deadline, log::Log};
use crate::{
    BoxFuture, Failpoint, Options, Tx,
    error::{down, from_sqlx, panicked, slow},
    hooks::Commit,
    shared::Shared,
    tx::Conn,
};

/// Writes that share one commit. The first of them waits for the last, so this bounds the wait.
const BATCH: usize = 256;
/// How long a batch may grow in time: one slow write must not hold the commit of many fast ones.
const BATCH_TIME: Duration = Duration::from_millis(20);
/// How often the file is looked at for what other processes wrote to it.
const LOOK: Duration = Duration::from_secs(1);

pub(super) enum Message {
    Write(Write),
    /// This process wrote to the file on another connection, which is no news to it.
    Migrated(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// One caller's write, waiting for its turn.
pub(super) struct Write {
    scope: Scope,
    work: Box<dyn Work>,
    /// What its commit has to tell.
    commit: Option<Commit>,
}

impl Write {
    /// A write, and where its answer will come.
    pub(super) fn new<T, F>(scope: Scope, work: F) -> (Self, oneshot::Receiver<Result<T>>)
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        let (told, answer) = oneshot::channel();
        (Self { scope, work: Box::new(Caller { work, answer: None, told }), commit: None }, answer)
    }
}

/// A caller's work, whatever the type of its answer. It may run again when its transaction was lost to a neighbour.
trait Work: Send {
    /// Runs it and keeps its answer. Whether its changes are to be kept.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;
    /// Tells the caller: its answer, or the error that came between it and its commit.
    fn tell(self: Box<Self>, end: Result<()>);
}

struct Caller<T, F> {
    work: F,
    answer: Option<Result<T>>,
    told: oneshot::Sender<Result<T>>,
}

impl<T, F> Work for Caller<T, F>
where
    T: Send + 'static,
    F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            self.answer = None;
            let run = AssertUnwindSafe(async { (self.work)(tx).await }).catch_unwind().await;
            let answer = run.unwrap_or_else(|panic| Err(panicked(&*panic)));
            self.answer.insert(answer).is_ok()
        })
    }

    fn tell(self: Box<Self>, end: Result<()>) {
        let answer = match self.answer {
            Some(Ok(answer)) => end.map(|()| answer),
            Some(Err(error)) => Err(error),
            // The time was up before there was an answer, or its turn never came.
            None => Err(end.err().unwrap_or_else(slow)),
        };
        // A caller that went away does not hear it.
        drop(self.told.send(answer));
    }
}

/// What this connection calls the file's version; none when it cannot tell.
async fn version(conn: &mut SqliteConnection) -> Option<i64> {
    sqlx::query_scalar("pragma data_version").fetch_one(conn).await.ok()
}

/// What the one task that writes needs.
pub(super) struct Writer {
    connect: Arc<SqliteConnectOptions>,
    statement_timeout: Duration,
    shared: Shared,
    inbox: mpsc::Receiver<Message>,
    /// What comes before the inbox: writes whose transaction was lost to a neighbour, a close that came amid a batch.
    first: VecDeque<Message>,
    /// Until when the statement in progress may run.
    deadline: Deadline,
    log: Log,
    looked_at: Instant,
    /// What the connection calls the file's version: another one whenever somebody else wrote. None for a new connection.
    version: Option<i64>,
}

/// Runs whatever waits in one transaction, commits, answers; again and again.
impl Writer {
    pub(super) fn new(
        connect: Arc<SqliteConnectOptions>,
        options: &Options,
        inbox: mpsc::Receiver<Message>,
        shared: Shared,
        log: Log,
    ) -> Self {
        let statement_timeout = options.statement_timeout;
        let (first, deadline, looked_at) = (VecDeque::new(), Deadline::default(), Instant::now());
        Self { connect, statement_timeout, shared, inbox, first, deadline, log, looked_at, version: None }
    }

    pub(super) async fn run(mut self, conn: SqliteConnection) {
        let mut conn = Some(conn);
        while let Some(message) = self.next(&mut conn).await {
            let write = match message {
                Message::Write(write) => write,
                Message::Migrated(noted) => {
                    self.version = match conn.as_mut() {
                        Some(conn) => version(conn).await,
                        None => None,
                    };
                    // A caller that went away does not need to know.
                    noted.send(()).unwrap_or_default();
                    continue;
                }
                Message::Close(closed) => {
                    if let Some(conn) = conn.take()
                        && let Err(error) = conn.close().await
                    {
                        tracing::warn!(?error, "SQLite's file was not closed cleanly");
                    }
                    // A caller that went away does not need to know.
                    closed.send(()).unwrap_or_default();
                    return;
                }
            };
            let open = match conn.take() {
                Some(open) => Ok(open),
                None => self.open().await,
            };
            conn = match open {
                Ok(open) => self.batch(open, write).await,
                Err(error) => {
                    tracing::error!(?error, "SQLite's file cannot be opened");
                    write.work.tell(Err(down()));
                    None
                }
            };
        }
    }

    /// The next message. Before it, and while none comes, the file is looked at, and the log is emptied when readers pause for it.
    async fn next(&mut self, conn: &mut Option<SqliteConnection>) -> Option<Message> {
        loop {
            let until_look = LOOK.saturating_sub(self.looked_at.elapsed());
            if until_look.is_zero() {
                self.look(conn.as_mut()).await;
                continue;
            }
            if let Some(message) = self.first.pop_front() {
                return Some(message);
            }
            tokio::select! {
                biased;
                paused = self.log.paused() => {
                    if let (Some(paused), Some(conn)) = (paused, conn.as_mut()) {
                        self.log.empty(conn, paused).await;
                    }
                }
                message = self.inbox.recv() => return message,
                () = tokio::time::sleep(until_look) => {}
            }
        }
    }

    /// Tells when another process wrote to the file. Trouble with it shows at the next write.
    async fn look(&mut self, conn: Option<&mut SqliteConnection>) {
        self.looked_at = Instant::now();
        let Some(conn) = conn.filter(|_| self.shared.hooks.looks_elsewhere()) else { return };
        if let Some(version) = version(conn).await
            && self.version.replace(version) != Some(version)
        {
            self.shared.hooks.committed_elsewhere(&self.shared.schema);
        }
    }

    pub(super) async fn open(&mut self) -> Result<SqliteConnection> {
        let mut conn = self.connect.connect().await.map_err(from_sqlx)?;
        self.deadline.watch(&mut conn).await?;
        self.version = None;
        Ok(conn)
    }

    /// One transaction. Gives the connection back unless it is in doubt.
    async fn batch(&mut self, conn: SqliteConnection, first: Write) -> Option<SqliteConnection> {
        let mut tx = Tx::new(
            Conn::SqliteWriter(conn),
            Scope::System,
            self.shared.schema.clone(),
            self.shared.failpoints.clone(),
        );
        self.deadline.clear();
        if let Err(error) = tx.control("begin immediate").await {
            tracing::warn!(?error, "SQLite's writer cannot begin");
            first.work.tell(Err(down()));
            return None;
        }
        let began = Instant::now();
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(mut write) = next.take() {
            if let Err(error) = self.one(&mut tx, &mut write, done.is_empty()).await {
                // SQLite undoes the whole transaction when it interrupts a change, or when the disk fails under it.
                tracing::warn!(?error, neighbours = done.len(), "SQLite's writer lost its transaction");
                write.work.tell(Err(error));
                self.first.extend(done.into_iter().map(Message::Write));
                return None;
            }
            done.push(write);
            if done.len() < BATCH && began.elapsed() < BATCH_TIME {
                next = self.another();
            }
        }
        metrics::histogram!("trunkline_sqlite_writes_per_commit").record(u32::try_from(done.len()).unwrap_or(0));
        for write in &done {
            if let Some(commit) = &write.commit {
                self.shared.hooks.committing(commit);
            }
        }
        self.shared.failpoints.reach(Failpoint::Commit).await;
        let committed = tx.control("commit").await;
        self.shared.failpoints.reach(Failpoint::Committed).await;
        let ok = committed.is_ok();
        if let Err(error) = committed {
            tracing::error!(?error, "SQLite's writer cannot commit");
        }
        for write in &done {
            if let Some(commit) = write.commit.as_ref().filter(|_| ok) {
                self.shared.hooks.committed(commit);
            }
        }
        for write in done {
            write.work.tell(if ok { Ok(()) } else { Err(down()) });
        }
        self.log.grew();
        if ok && tx.wakes {
            self.shared.woken.notify_waiters();
        }
        match tx.into_conn() {
            Conn::SqliteWriter(conn) if ok => Some(conn),
            Conn::SqliteWriter(_) | Conn::SqliteReader(_) | Conn::Postgres { .. } | Conn::PostgresStatements(_) => None,
        }
    }

    /// A write that waits already, to share the commit.
    fn another(&mut self) -> Option<Write> {
        let message = self.first.pop_front().or_else(|| self.inbox.try_recv().ok());
        match message? {
            Message::Write(write) => Some(write),
            other @ (Message::Migrated(_) | Message::Close(_)) => {
                self.first.push_front(other);
                None
            }
        }
    }

    /// One caller's work: what fails leaves no trace, and its neighbours do not notice. The first of a batch has the
    /// transaction to itself and needs no savepoint.
    ///
    /// # Errors
    /// When the whole transaction is lost.
    async fn one(&mut self, tx: &mut Tx, write: &mut Write, first: bool) -> Result<()> {
        if !first {
            tx.control("savepoint one").await?;
        }
        tx.set_scope(write.scope.clone());
        write.commit = None;
        self.deadline.set(self.statement_timeout);
        match tokio::time::timeout(self.statement_timeout, write.work.run(tx)).await {
            Ok(true) => write.commit = Commit::of(tx),
            Ok(false) => undo(tx, first).await?,
            // The deadline still stands: the statement that nobody waits for any more has to end before this begins.
            Err(_) => undo(tx, first).await.map_err(|error| slow().source(error))?,
        }
        self.deadline.clear();
        if first { Ok(()) } else { tx.control("release one").await }
    }
}

async fn undo(tx: &mut Tx, first: bool) -> Result<()> {
    if !first {
        return tx.control("rollback to one").await;
    }
    tx.control("rollback").await?;
    tx.control("begin immediate").await
}
