//! The database, whichever engine it is.

use std::time::Duration;

use kernel::{Result, Scope};
use tokio::sync::futures::Notified;

use crate::{BeforeCommit, BoxFuture, OnCommit, Options, Tx, postgres::PostgresDb, shared::Shared, sqlite::SqliteDb};

/// A database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    driver: Driver,
    pub(crate) shared: Shared,
}

#[derive(Clone)]
enum Driver {
    Sqlite(SqliteDb),
    Postgres(Box<PostgresDb>),
}

/// How a write transaction is kept apart from others on PostgreSQL. SQLite has one writer, so there it is all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// As if the transactions ran one after the other. For everything that reads before it writes.
    Serializable,
    /// For the queue's own statements, which are right by unique indexes and row locks alone.
    ReadCommitted,
    /// Each statement is a transaction of its own: for work that is one statement, in one round trip. Only in the
    /// system's scope, and only for what may be repeated: a connection that broke leaves open whether it was done. It runs as
    /// the login itself, so it is refused on tenant tables. Behind a pooler it is a transaction of one statement.
    Statement,
}

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one writer.
    Sqlite,
    /// A server that many nodes share.
    Postgres,
}

impl Db {
    /// Opens it. A SQLite file is made when there is none; PostgreSQL may be down and come up later.
    ///
    /// # Errors
    /// `Config` when the address cannot be read, `Unavailable` when SQLite's file cannot be opened.
    pub async fn open(options: &Options) -> Result<Self> {
        let shared = Shared { failpoints: options.failpoints.clone(), ..Shared::default() };
        let driver = match options.engine()? {
            Engine::Sqlite => Driver::Sqlite(SqliteDb::open(options, shared.clone()).await?),
            Engine::Postgres => Driver::Postgres(Box::new(PostgresDb::open(options, shared.clone())?)),
        };
        Ok(Self { driver, shared })
    }

    /// The same database on one connection that is not of the pool and leads past a pooler: for what must not wait for others, such
    /// as a heartbeat. It connects when it is used first, and again after it was lost; waiting and statements end after `limit`.
    /// On SQLite, where there is one process and one writer, it is this handle.
    #[must_use]
    pub fn connect_alone(&self, limit: Duration) -> Self {
        let driver = match &self.driver {
            Driver::Sqlite(db) => Driver::Sqlite(db.clone()),
            Driver::Postgres(db) => Driver::Postgres(Box::new(db.alone(limit))),
        };
        Self { driver, shared: self.shared.clone() }
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        match &self.driver {
            Driver::Sqlite(_) => Engine::Sqlite,
            Driver::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs `work` on one snapshot. Writing in it fails.
    ///
    /// # Errors
    /// What `work` returns, and `Unavailable` when the database does not answer.
    pub async fn read<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        T: Send,
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        match &self.driver {
            Driver::Sqlite(db) => db.read(scope, work).await,
            Driver::Postgres(db) => db.read(scope, work).await,
        }
    }

    /// Runs `work` in one serializable transaction and answers after its commit. When another transaction was in the
    /// way, `work` runs again from the start: it must not have effects outside.
    ///
    /// On SQLite, writes that wait for one another share a commit, each in its own savepoint.
    ///
    /// # Errors
    /// What `work` returns, with nothing written; `Unavailable` when the database does not answer: then the outcome of
    /// a commit that had begun is unknown.
    pub async fn write<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        self.write_at(Isolation::Serializable, scope, work).await
    }

    /// As [`Db::write`], at another isolation.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_at<T, F>(&self, isolation: Isolation, scope: &Scope, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        match &self.driver {
            Driver::Sqlite(db) => db.write(scope, work).await,
            Driver::Postgres(db) => db.write(isolation, scope, work).await,
        }
    }

    /// Ends at the next commit in this process of a transaction that called [`Tx::wake`].
    pub fn woken(&self) -> Notified<'_> {
        self.shared.woken.notified()
    }

    /// Tells of every commit of this process that wrote, before its writer gets the answer. [`crate::migrate`] has to have
    /// run on this handle: it learns the names of the tables there.
    pub fn on_commit(&self, told: OnCommit) {
        self.shared.hooks.on_commit(told);
    }

    /// Tells of every commit on SQLite right before it: a snapshot that shows it was taken after that. It may still fail.
    pub fn on_committing(&self, told: OnCommit) {
        self.shared.hooks.on_committing(told);
    }

    /// Tells, within a second or so, that another process wrote to a SQLite file, and any table for all that is known. Nodes on
    /// PostgreSQL tell one another what they wrote: see [`Db::before_commit`].
    pub fn on_commit_elsewhere(&self, told: OnCommit) {
        self.shared.hooks.on_commit_elsewhere(told);
    }

    /// Lets `write` add to every transaction that wrote, right before it commits. On PostgreSQL only: SQLite has no other
    /// node to write for.
    pub fn before_commit(&self, write: BeforeCommit) {
        self.shared.hooks.before_commit(write);
    }

    /// Whether it answers, within `limit`.
    ///
    /// # Errors
    /// `Unavailable` when it does not.
    pub async fn ping(&self, limit: Duration) -> Result<()> {
        let ping =
            self.read(&Scope::System, |tx| Box::pin(async move { tx.system("select 1").rows().await.map(drop) }));
        match tokio::time::timeout(limit, ping).await {
            Ok(answer) => answer,
            Err(_) => Err(crate::error::slow()),
        }
    }

    /// On PostgreSQL, makes anew the statistics of tables that have outgrown them, by which statements are planned. Returns
    /// how many those were. To be called every few seconds while a process works.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn refresh_statistics(&self) -> Result<usize> {
        match &self.driver {
            Driver::Sqlite(_) => Ok(0),
            Driver::Postgres(db) => db.refresh_statistics().await,
        }
    }

    /// Says as whom this process announces its commits that called [`Tx::wake`], and for how long it gathers them.
    pub fn announce_as(&self, sender: i64, pause: Duration) {
        match &self.driver {
            Driver::Sqlite(_) => {}
            Driver::Postgres(db) => db.announce_as(sender, pause),
        }
    }

    /// Hears the commits of other processes that called [`Tx::wake`]; each says who announced it.
    pub async fn listen_for_wakes(&self) -> Listener {
        self.listen(crate::postgres::CHANNEL).await
    }

    /// Hears what other nodes announce on `channel`, on a connection that is not of the pool. Not connected on SQLite, where there is no other node.
    pub async fn listen(&self, channel: &'static str) -> Listener {
        match &self.driver {
            Driver::Sqlite(_) => Listener(None),
            Driver::Postgres(db) => Listener(db.listen(channel).await),
        }
    }

    /// Wakes those who wait on [`Db::woken`], as a commit does that called [`Tx::wake`].
    pub fn wake(&self) {
        self.shared.woken.notify_waiters();
    }

    /// The concrete driver, for migrations.
    pub(crate) fn sqlite(&self) -> Option<&SqliteDb> {
        match &self.driver {
            Driver::Sqlite(db) => Some(db),
            Driver::Postgres(_) => None,
        }
    }

    /// The concrete driver, for migrations.
    pub(crate) fn postgres(&self) -> Option<&PostgresDb> {
        match &self.driver {
            Driver::Sqlite(_) => None,
            Driver::Postgres(db) => Some(db),
        }
    }

    /// Finishes what is being written and closes.
    pub async fn close(&self) {
        match &self.driver {
            Driver::Sqlite(db) => db.close().await,
            Driver::Postgres(db) => db.close().await,
        }
    }
}

/// Hears the wake-ups of other nodes.
pub struct Listener(Option<sqlx::postgres::PgListener>);

impl Listener {
    /// Whether there is a connection to hear on.
    pub fn is_connected(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for the next wake-up. False when the connection was lost: what was said meanwhile is not known.
    pub async fn heard(&mut self) -> bool {
        self.next().await.is_some()
    }

    /// Waits for the next notification, and returns its payload. None when the connection was lost.
    pub async fn next(&mut self) -> Option<String> {
        let heard = self.0.as_mut()?.try_recv().await;
        heard.ok().flatten().map(|notification| notification.payload().to_owned())
    }
}
