//! A transaction, bound to one scope.

use kernel::{Error, Result, Scope};
use sqlx::{Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use crate::{Engine, Query, Steps, error::from_sqlx};

/// A transaction in progress. What it may touch was decided when it began.
pub struct Tx {
    pub(crate) conn: Conn,
    scope: Scope,
    /// Whether its commit is news for those who wait on [`crate::Db::woken`].
    pub(crate) wakes: bool,
    steps: Steps,
}

pub(crate) enum Conn {
    /// The one connection that writes.
    SqliteWriter(SqliteConnection),
    SqliteReader(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
    /// Without a transaction: each statement commits by itself.
    PostgresStatements(PoolConnection<Postgres>),
}

impl Tx {
    pub(crate) fn new(conn: Conn, scope: Scope, steps: Steps) -> Self {
        Self { conn, scope, wakes: false, steps }
    }

    /// A statement. In an organization's transaction its `$1` is the organization, bound here; the caller's values
    /// follow from `$2`. In the system's transaction the caller's values begin at `$1`.
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        let organization = self.scope.organization().map(Into::into);
        Query::new(self, sql.into(), organization)
    }

    /// A statement on tables that belong to no organization, from any scope; the caller's values begin at `$1`.
    pub fn system(&mut self, sql: &'static str) -> Query<'_> {
        Query::new(self, sql.into(), None)
    }

    /// As [`Tx::system`], with a text that was put together from constants. Never put a value into it.
    pub fn system_built(&mut self, sql: String) -> Query<'_> {
        Query::new(self, sql.into(), None)
    }

    /// The scope of this transaction.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which engine runs it, for the few statements that have two texts.
    pub fn engine(&self) -> Engine {
        match self.conn {
            Conn::SqliteWriter(_) | Conn::SqliteReader(_) => Engine::Sqlite,
            Conn::Postgres(_) | Conn::PostgresStatements(_) => Engine::Postgres,
        }
    }

    /// Makes the commit of this transaction wake those who wait on [`crate::Db::woken`] in this process.
    pub fn wake(&mut self) {
        self.wakes = true;
    }

    pub(crate) fn steps(&self) -> Steps {
        self.steps.clone()
    }

    pub(crate) fn set_scope(&mut self, scope: Scope) {
        self.scope = scope;
    }

    /// Runs a text without values on the writer: `begin`, `savepoint`, …
    pub(crate) async fn control(&mut self, sql: &'static str) -> Result<()> {
        let Conn::SqliteWriter(conn) = &mut self.conn else {
            return Err(Error::internal("not_a_writer", "only SQLite's writer is steered by hand"));
        };
        sqlx::query(sql).execute(conn).await.map(drop).map_err(from_sqlx)
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self.conn {
            Conn::SqliteWriter(_) => Err(Error::internal("writer_commit", "the writer's loop commits")),
            Conn::SqliteReader(tx) => tx.commit().await.map_err(from_sqlx),
            Conn::Postgres(tx) => tx.commit().await.map_err(from_sqlx),
            Conn::PostgresStatements(_) => Ok(()),
        }
    }
}
