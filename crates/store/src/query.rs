//! A statement with its values, run on whichever engine the transaction is on.

use std::fmt;

use kernel::{Error, Result};
use sqlx::{
    Arguments, AssertSqlSafe, Postgres, SqlSafeStr, SqlStr, Sqlite, postgres::PgArguments, sqlite::SqliteArguments,
};

use crate::{
    FromRow, Reader, Row, Tx, Value,
    error::from_sqlx,
    row::DriverRow,
    tx::{Conn, Scoping},
};

/// A statement that reads, and waits for its values.
pub struct Read<'t> {
    tx: &'t mut Reader,
    sql: Text,
    values: Vec<Value>,
    /// Tables of which it touches only the rows of a key.
    keys: Vec<(&'static str, String)>,
    scoping: Scoping,
}

/// A statement that waits for its values.
pub struct Query<'t>(Read<'t>);

/// A constant, or a text built from constants.
enum Text {
    Constant(&'static str),
    Built(String),
}

impl Reader {
    /// A statement that reads. In an organization's transaction its `$1` is the organization, bound here; the caller's
    /// values follow from `$2`. In the system's transaction the caller's values begin at `$1`, and a statement on rows of
    /// organizations is refused: a value of the caller would stand where the organization belongs.
    pub fn query(&mut self, sql: &'static str) -> Read<'_> {
        self.scoped(Text::Constant(sql))
    }

    fn scoped(&mut self, sql: Text) -> Read<'_> {
        let organization = self.scope().organization().map(Value::from);
        let scoping = if organization.is_some() { Scoping::Bound } else { Scoping::Lacking };
        Read { tx: self, sql, values: organization.into_iter().collect(), keys: Vec::new(), scoping }
    }

    /// A statement that reads tables that belong to no organization, from any scope; the caller's values begin at `$1`. One on
    /// a tenant table is refused.
    pub fn system(&mut self, sql: &'static str) -> Read<'_> {
        self.unscoped(Text::Constant(sql))
    }

    fn unscoped(&mut self, sql: Text) -> Read<'_> {
        Read { tx: self, sql, values: Vec::new(), keys: Vec::new(), scoping: Scoping::Installation }
    }
}

impl Tx {
    /// A statement, as [`Reader::query`].
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        let reader: &mut Reader = self;
        Query(reader.query(sql))
    }

    /// A statement on tables that belong to no organization, as [`Reader::system`].
    pub fn system(&mut self, sql: &'static str) -> Query<'_> {
        let reader: &mut Reader = self;
        Query(reader.system(sql))
    }

    /// As [`Tx::query`], with a text that was put together from constants. Never put a value into it.
    pub fn query_built(&mut self, sql: String) -> Query<'_> {
        let reader: &mut Reader = self;
        Query(reader.scoped(Text::Built(sql)))
    }

    /// As [`Tx::system`], with a text that was put together from constants. Never put a value into it.
    pub fn system_built(&mut self, sql: String) -> Query<'_> {
        Query(self.unscoped(Text::Built(sql)))
    }
}

impl Read<'_> {
    /// Says that of `table`, which belongs to the installation, it reads only the rows that go by `key`. What is written
    /// there with another key, by [`Query::only`], is no news for who reads this.
    #[must_use]
    pub fn only(mut self, table: &'static str, key: impl fmt::Display) -> Self {
        self.keys.push((table, key.to_string()));
        self
    }

    /// Binds the next value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// All rows.
    ///
    /// # Errors
    /// What the database says, in our words, as for every method here.
    pub async fn rows(self) -> Result<Vec<Row>> {
        self.tx.about_to_run(self.sql.as_str(), &self.keys, self.scoping).await?;
        match &mut self.tx.conn {
            Conn::SqliteWriter(conn) => {
                let rows = sqlx::query_with::<Sqlite, _>(self.sql.into_sql_str(), sqlite(self.values)?);
                let rows = rows.fetch_all(conn).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(DriverRow::Sqlite(row))).collect())
            }
            Conn::SqliteReader(snapshot) => {
                let rows = sqlx::query_with::<Sqlite, _>(self.sql.into_sql_str(), sqlite(self.values)?);
                let rows = rows.fetch_all(snapshot.connection()?).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(DriverRow::Sqlite(row))).collect())
            }
            Conn::Postgres { tx, is_named } => {
                let rows = sqlx::query_with::<Postgres, _>(self.sql.into_sql_str(), postgres(self.values)?);
                let rows = rows.persistent(*is_named);
                let rows = rows.fetch_all(tx.connection().map_err(from_sqlx)?).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(DriverRow::Postgres(row))).collect())
            }
            Conn::PostgresStatements(conn) => {
                let rows = sqlx::query_with::<Postgres, _>(self.sql.into_sql_str(), postgres(self.values)?);
                let rows = rows.fetch_all(conn.connection()).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(DriverRow::Postgres(row))).collect())
            }
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Read::rows`].
    pub async fn row(self) -> Result<Option<Row>> {
        Ok(self.rows().await?.into_iter().next())
    }

    /// All rows, read as `T`.
    ///
    /// # Errors
    /// As [`Read::rows`].
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>> {
        self.rows().await?.iter().map(T::from_row).collect()
    }

    /// The first row, read as `T`.
    ///
    /// # Errors
    /// As [`Read::rows`].
    pub async fn optional<T: FromRow>(self) -> Result<Option<T>> {
        self.row().await?.as_ref().map(T::from_row).transpose()
    }
}

impl Query<'_> {
    /// Binds the next value.
    #[must_use]
    pub fn bind(self, value: impl Into<Value>) -> Self {
        Self(self.0.bind(value))
    }

    /// Says that of `table`, which belongs to the installation, it touches only rows that go by `key`: by all of the keys,
    /// where there are several. Who reads them by another key needs not be told.
    #[must_use]
    pub fn only(self, table: &'static str, key: impl fmt::Display) -> Self {
        Self(self.0.only(table, key))
    }

    /// Runs it and tells how many rows it changed.
    ///
    /// # Errors
    /// What the database says, in our words, as for every method here.
    pub async fn execute(self) -> Result<u64> {
        self.0.tx.about_to_run(self.0.sql.as_str(), &self.0.keys, self.0.scoping).await?;
        match &mut self.0.tx.conn {
            Conn::SqliteWriter(conn) => {
                let done = sqlx::query_with::<Sqlite, _>(self.0.sql.into_sql_str(), sqlite(self.0.values)?);
                done.execute(conn).await.map(|done| done.rows_affected()).map_err(from_sqlx)
            }
            Conn::SqliteReader(snapshot) => {
                let done = sqlx::query_with::<Sqlite, _>(self.0.sql.into_sql_str(), sqlite(self.0.values)?);
                done.execute(snapshot.connection()?).await.map(|done| done.rows_affected()).map_err(from_sqlx)
            }
            Conn::Postgres { tx, is_named } => {
                let done = sqlx::query_with::<Postgres, _>(self.0.sql.into_sql_str(), postgres(self.0.values)?);
                done.persistent(*is_named)
                    .execute(tx.connection().map_err(from_sqlx)?)
                    .await
                    .map(|done| done.rows_affected())
                    .map_err(from_sqlx)
            }
            Conn::PostgresStatements(conn) => {
                let done = sqlx::query_with::<Postgres, _>(self.0.sql.into_sql_str(), postgres(self.0.values)?);
                done.execute(conn.connection()).await.map(|done| done.rows_affected()).map_err(from_sqlx)
            }
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// As [`Query::execute`].
    pub async fn rows(self) -> Result<Vec<Row>> {
        self.0.rows().await
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Query::execute`].
    pub async fn row(self) -> Result<Option<Row>> {
        self.0.row().await
    }

    /// All rows, read as `T`.
    ///
    /// # Errors
    /// As [`Query::execute`].
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>> {
        self.0.all().await
    }

    /// The first row, read as `T`.
    ///
    /// # Errors
    /// As [`Query::execute`].
    pub async fn optional<T: FromRow>(self) -> Result<Option<T>> {
        self.0.optional().await
    }
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Constant(sql) => sql,
            Self::Built(sql) => sql,
        }
    }

    fn into_sql_str(self) -> SqlStr {
        match self {
            Self::Constant(sql) => SqlStr::from_static(sql),
            Self::Built(sql) => AssertSqlSafe(sql).into_sql_str(),
        }
    }
}

fn sqlite(values: Vec<Value>) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
            Value::Ints(_) | Value::Texts(_) | Value::Blobs(_) => {
                return Err(Error::internal("array_on_sqlite", "SQLite has no arrays: give it another text"));
            }
        }
        .map_err(unbindable)?;
    }
    Ok(arguments)
}

fn postgres(values: Vec<Value>) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
            Value::Ints(value) => arguments.add(value),
            Value::Texts(value) => arguments.add(value),
            Value::Blobs(value) => arguments.add(value),
        }
        .map_err(unbindable)?;
    }
    Ok(arguments)
}

fn unbindable(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::internal("value_unbindable", "a value cannot be sent to the database").source(error)
}
