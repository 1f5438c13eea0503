//! A transaction, bound to one scope.

use std::{
    collections::BTreeSet,
    ops::{Deref, DerefMut},
};

use kernel::{Error, OrgId, Result, Scope};
use sqlx::{Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use crate::{
    Engine, Query, Read, Reads, Steps, Table,
    error::{from_sqlx, no_organization},
    postgres,
    query::Text,
    watch::{Around, Commit},
};

/// A transaction in progress, for those who read. What it may touch was decided when it began.
pub struct Reader {
    pub(crate) conn: Conn,
    scope: Scope,
    /// Whether its commit is news for those who wait on [`crate::Db::woken`].
    pub(crate) wakes: bool,
    around: Around,
    read: BTreeSet<Table>,
    written: BTreeSet<Table>,
}

/// A transaction in progress, for those who write.
pub struct Tx(Reader);

pub(crate) enum Conn {
    /// The one connection that writes.
    SqliteWriter(SqliteConnection),
    SqliteReader(Transaction<'static, Sqlite>),
    Postgres(postgres::Transaction),
    /// Without a transaction: each statement commits by itself.
    PostgresStatements(PoolConnection<Postgres>),
}

impl Reader {
    /// A statement that reads. In an organization's transaction its `$1` is the organization, bound here; the caller's
    /// values follow from `$2`. In the system's transaction the caller's values begin at `$1`, and a statement on rows of
    /// organizations is refused: a value of the caller would stand where the organization belongs.
    pub fn query(&mut self, sql: &'static str) -> Read<'_> {
        Read::new(self, sql.into()).scoped()
    }

    /// A statement that reads tables that belong to no organization, from any scope; the caller's values begin at `$1`.
    pub fn system(&mut self, sql: &'static str) -> Read<'_> {
        Read::new(self, sql.into())
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

    /// What was read since it began, or since this was asked for the last time.
    pub fn take_reads(&mut self) -> Reads {
        Reads { organization: self.scope.organization().cloned(), tables: std::mem::take(&mut self.read) }
    }

    /// Notes what a statement touches.
    ///
    /// # Errors
    /// `Forbidden` when it asks for rows of an organization and there is none.
    pub(crate) fn note(&mut self, sql: &Text, only: &[(&'static str, String)], lacks_organization: bool) -> Result<()> {
        let touched = self.around.touched(sql.as_str());
        if lacks_organization && touched.named.iter().any(|table| table.is_tenant) {
            return Err(no_organization());
        }
        for table in &touched.named {
            insert(&mut self.read, table.read(only));
        }
        for (table, any) in &touched.written {
            insert(&mut self.written, table.written(any, only));
        }
        Ok(())
    }

    pub(crate) fn steps(&self) -> Steps {
        self.around.steps.clone()
    }
}

fn insert(all: &mut BTreeSet<Table>, tables: impl Iterator<Item = Table>) {
    for table in tables {
        if !all.contains(&table) {
            all.insert(table);
        }
    }
}

impl Tx {
    pub(crate) fn new(conn: Conn, scope: Scope, around: Around) -> Self {
        let (read, written) = Default::default();
        Self(Reader { conn, scope, wakes: false, around, read, written })
    }

    /// A statement, as [`Reader::query`].
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        Query::new(self.0.query(sql))
    }

    /// A statement on tables that belong to no organization, from any scope; the caller's values begin at `$1`.
    pub fn system(&mut self, sql: &'static str) -> Query<'_> {
        Query::new(self.0.system(sql))
    }

    /// As [`Tx::system`], with a text that was put together from constants. Never put a value into it.
    pub fn system_built(&mut self, sql: String) -> Query<'_> {
        Query::new(Read::new(&mut self.0, sql.into()))
    }

    /// Makes the commit of this transaction wake those who wait on [`crate::Db::woken`] in this process.
    pub fn wake(&mut self) {
        self.wakes = true;
    }

    /// Makes a transaction of the system one of this organization, which was created in it.
    ///
    /// # Errors
    /// `Internal` in a transaction that is an organization's already.
    pub async fn enter(&mut self, organization: &OrgId) -> Result<()> {
        if self.scope.organization().is_some() {
            return Err(Error::internal("scope_left", "a transaction of one organization cannot enter another"));
        }
        if let Conn::Postgres(tx) = &mut self.conn {
            let set = sqlx::query("select set_config('trunkline.org', $1, true)").bind(organization.as_str());
            set.execute(tx.connection().map_err(from_sqlx)?).await.map_err(from_sqlx)?;
        }
        self.scope = Scope::Organization(organization.clone());
        Ok(())
    }

    /// Begins anew for somebody else, on the connection that they share.
    pub(crate) fn set_scope(&mut self, scope: Scope) {
        self.scope = scope;
        self.read.clear();
        self.written.clear();
    }

    /// What its commit has to tell; none when it wrote nothing.
    pub(crate) fn take_commit(&mut self) -> Option<Commit> {
        let tables = std::mem::take(&mut self.written);
        let organization = self.scope.organization().cloned();
        (!tables.is_empty()).then_some(Commit { organization, tables, number: None })
    }

    /// Runs a text without values on the writer: `begin`, `savepoint`, …
    pub(crate) async fn control(&mut self, sql: &'static str) -> Result<()> {
        let Conn::SqliteWriter(conn) = &mut self.conn else {
            return Err(Error::internal("not_a_writer", "only SQLite's writer is steered by hand"));
        };
        sqlx::query(sql).execute(conn).await.map(drop).map_err(from_sqlx)
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self.0.conn {
            Conn::SqliteWriter(_) => Err(Error::internal("writer_commit", "the writer's loop commits")),
            Conn::SqliteReader(tx) => tx.commit().await.map_err(from_sqlx),
            Conn::Postgres(tx) => tx.commit().await.map_err(from_sqlx),
            Conn::PostgresStatements(_) => Ok(()),
        }
    }

    pub(crate) fn into_conn(self) -> Conn {
        self.0.conn
    }
}

impl Deref for Tx {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.0
    }
}
