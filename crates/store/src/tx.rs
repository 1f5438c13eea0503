//! A transaction, bound to one scope.

use std::{
    collections::BTreeSet,
    ops::{Deref, DerefMut},
};

use kernel::{Error, OrgId, Result, Scope};
use sqlx::SqliteConnection;

use crate::{
    Engine, Failpoint, Failpoints, Reads, Table,
    error::{from_sqlx, no_organization, tenant_table},
    postgres,
    schema::Schema,
    sqlite,
};

/// A transaction in progress, for those who read. What it may touch was decided when it began.
pub struct Reader {
    pub(crate) conn: Conn,
    scope: Scope,
    /// Whether it reads the rows of all organizations: see [`Tx::read_all_organizations`].
    reads_all: bool,
    /// Whether its commit is news for those who wait on [`crate::Db::woken`].
    pub(crate) wakes: bool,
    schema: Schema,
    failpoints: Failpoints,
    read: BTreeSet<Table>,
    written: BTreeSet<Table>,
}

/// A transaction in progress, for those who write.
pub struct Tx(Reader);

pub(crate) enum Conn {
    /// The one connection that writes.
    SqliteWriter(SqliteConnection),
    SqliteReader(sqlite::Snapshot),
    Postgres {
        tx: postgres::Transaction,
        /// Whether the server keeps prepared statements for later transactions. A pooler does not.
        is_named: bool,
    },
    /// Without a transaction: each statement commits by itself.
    PostgresStatements(postgres::Lent),
}

/// How a statement gets its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scoping {
    /// It has one, bound as its first value.
    Bound,
    /// It should have one, and the transaction has none.
    Lacking,
    /// It needs none: it is on tables of the installation.
    Installation,
}

impl Reader {
    /// The scope of this transaction.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which engine runs it, for the few statements that have two texts.
    pub fn engine(&self) -> Engine {
        match self.conn {
            Conn::SqliteWriter(_) | Conn::SqliteReader(_) => Engine::Sqlite,
            Conn::Postgres { .. } | Conn::PostgresStatements(_) => Engine::Postgres,
        }
    }

    /// What was read since it began, or since this was asked for the last time.
    pub fn take_reads(&mut self) -> Reads {
        Reads { organization: self.scope.organization().cloned(), tables: std::mem::take(&mut self.read) }
    }

    /// Takes down what a statement reads and writes, right before it runs.
    ///
    /// # Errors
    /// `Forbidden` when it asks for rows of an organization and there is none, `Internal` when it is on a tenant table and supplies no
    /// organization: on SQLite nothing else would stop it, and on PostgreSQL the policies are the second wall.
    pub(crate) async fn about_to_run(
        &mut self,
        sql: &str,
        keys: &[(&'static str, String)],
        scoping: Scoping,
    ) -> Result<()> {
        let touched = self.schema.touched(sql);
        match (scoping, &touched.tenant) {
            (Scoping::Lacking, _) if touched.named.iter().any(|table| table.is_tenant) => {
                return Err(no_organization());
            }
            (Scoping::Installation, Some(_)) if self.reads_all && !touched.writes_tenant() => {}
            (Scoping::Installation, Some(table)) => return Err(tenant_table(table)),
            (Scoping::Bound | Scoping::Lacking | Scoping::Installation, _) => {}
        }
        for table in &touched.named {
            insert(&mut self.read, table.read(keys));
        }
        for (table, any) in &touched.written {
            insert(&mut self.written, table.written(any, keys));
        }
        self.failpoints.reach(Failpoint::Statement).await;
        Ok(())
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
    pub(crate) fn new(conn: Conn, scope: Scope, schema: Schema, failpoints: Failpoints) -> Self {
        let (read, written) = Default::default();
        Self(Reader { conn, scope, reads_all: false, wakes: false, schema, failpoints, read, written })
    }

    /// Makes the commit of this transaction wake those who wait on [`crate::Db::woken`] in this process, and announces it to
    /// the other nodes. The announcement follows the commit: nothing waits for it.
    pub fn wake(&mut self) {
        self.wakes = true;
    }

    /// Makes a transaction of the system one of this organization, which was created in it.
    ///
    /// # Errors
    /// `Internal` in a transaction that is an organization's already, or that reads the rows of all of them.
    pub async fn enter(&mut self, organization: &OrgId) -> Result<()> {
        if self.reads_all {
            return Err(Error::internal("scope_left", "a transaction that reads all organizations cannot enter one"));
        }
        if self.scope.organization().is_some() {
            return Err(Error::internal("scope_left", "a transaction of one organization cannot enter another"));
        }
        if let Conn::Postgres { tx, is_named } = &mut self.conn {
            let set = sqlx::query("select set_config('trunkline.org', $1, true)").bind(organization.as_str());
            set.persistent(*is_named).execute(tx.connection().map_err(from_sqlx)?).await.map_err(from_sqlx)?;
        }
        self.scope = Scope::Organization(organization.clone());
        Ok(())
    }

    /// Lets the later statements of this transaction of the system read the rows of all organizations: to find what is old,
    /// and to show that nothing is left of one. Nothing of an organization can be changed by it.
    ///
    /// # Errors
    /// `Internal` in a transaction that is an organization's.
    pub async fn read_all_organizations(&mut self) -> Result<()> {
        if self.scope.organization().is_some() {
            return Err(Error::internal("scope_left", "a transaction of one organization cannot read all of them"));
        }
        if let Conn::Postgres { tx, is_named } = &mut self.conn {
            let set = sqlx::query("select set_config('trunkline.reads_all', 'on', true)").persistent(*is_named);
            set.execute(tx.connection().map_err(from_sqlx)?).await.map_err(from_sqlx)?;
        }
        self.reads_all = true;
        Ok(())
    }

    /// Begins anew for somebody else, on the connection that they share.
    pub(crate) fn set_scope(&mut self, scope: Scope) {
        self.scope = scope;
        self.reads_all = false;
        self.read.clear();
        self.written.clear();
    }

    /// The tables that were written since it began, or since this was asked for the last time.
    pub(crate) fn take_written(&mut self) -> BTreeSet<Table> {
        std::mem::take(&mut self.written)
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
            Conn::SqliteReader(_) => Err(Error::internal("reader_commit", "what only reads has nothing to commit")),
            Conn::Postgres { tx, .. } => tx.commit().await.map_err(from_sqlx),
            Conn::PostgresStatements(_) => Ok(()),
        }
    }

    /// Ends a transaction that only read.
    pub(crate) async fn end_read(self) {
        if let Conn::SqliteReader(snapshot) = self.0.conn {
            snapshot.end().await;
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
