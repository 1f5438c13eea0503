//! A statement with its values, run on whichever engine the transaction is on.

use std::fmt;

use kernel::{Error, Result};
use sqlx::{
    Arguments, AssertSqlSafe, Postgres, SqlSafeStr, SqlStr, Sqlite, postgres::PgArguments, sqlite::SqliteArguments,
};

use crate::{FromRow, Reader, Row, Step, Value, error::from_sqlx, row::Inner, tx::Conn};

/// A statement that reads, and waits for its values.
pub struct Read<'t> {
    tx: &'t mut Reader,
    sql: Text,
    values: Vec<Value>,
    /// Tables of which it touches only the rows of a key.
    only: Vec<(&'static str, String)>,
    /// Whether its first value should be the organization, and the transaction has none.
    lacks_organization: bool,
}

/// A statement that waits for its values.
pub struct Query<'t>(Read<'t>);

/// A constant, or a text built from constants.
pub(crate) enum Text {
    Constant(&'static str),
    Built(String),
}

impl<'t> Read<'t> {
    pub(crate) fn new(tx: &'t mut Reader, sql: Text) -> Self {
        Self { tx, sql, values: Vec::new(), only: Vec::new(), lacks_organization: false }
    }

    /// In an organization's transaction, its first value is the organization.
    pub(crate) fn scoped(mut self) -> Self {
        let organization = self.tx.scope().organization().map(Into::into);
        self.lacks_organization = organization.is_none();
        self.values.extend(organization);
        self
    }

    /// Says that of `table`, which belongs to the installation, it reads only the rows that go by `key`. What is written
    /// there with another key, by [`Query::only`], is no news for who reads this.
    #[must_use]
    pub fn only(mut self, table: &'static str, key: impl fmt::Display) -> Self {
        self.only.push((table, key.to_string()));
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
        self.tx.note(&self.sql, &self.only, self.lacks_organization)?;
        self.tx.steps().reach(Step::Statement).await;
        match &mut self.tx.conn {
            Conn::SqliteWriter(conn) => {
                let rows = sqlx::query_with::<Sqlite, _>(self.sql.into_sql_str(), sqlite(self.values)?);
                let rows = rows.fetch_all(conn).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(Inner::Sqlite(row))).collect())
            }
            Conn::SqliteReader(tx) => {
                let rows = sqlx::query_with::<Sqlite, _>(self.sql.into_sql_str(), sqlite(self.values)?);
                let rows = rows.fetch_all(&mut **tx).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(Inner::Sqlite(row))).collect())
            }
            Conn::Postgres(tx) => {
                let rows = sqlx::query_with::<Postgres, _>(self.sql.into_sql_str(), postgres(self.values)?);
                let rows = rows.fetch_all(tx.connection().map_err(from_sqlx)?).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(Inner::Postgres(row))).collect())
            }
            Conn::PostgresStatements(conn) => {
                let rows = sqlx::query_with::<Postgres, _>(self.sql.into_sql_str(), postgres(self.values)?);
                let rows = rows.fetch_all(&mut **conn).await.map_err(from_sqlx)?;
                Ok(rows.into_iter().map(|row| Row(Inner::Postgres(row))).collect())
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

impl<'t> Query<'t> {
    pub(crate) fn new(read: Read<'t>) -> Self {
        Self(read)
    }

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
        self.0.tx.note(&self.0.sql, &self.0.only, self.0.lacks_organization)?;
        self.0.tx.steps().reach(Step::Statement).await;
        match &mut self.0.tx.conn {
            Conn::SqliteWriter(conn) => {
                let done = sqlx::query_with::<Sqlite, _>(self.0.sql.into_sql_str(), sqlite(self.0.values)?);
                done.execute(conn).await.map(|done| done.rows_affected()).map_err(from_sqlx)
            }
            Conn::SqliteReader(tx) => {
                let done = sqlx::query_with::<Sqlite, _>(self.0.sql.into_sql_str(), sqlite(self.0.values)?);
                done.execute(&mut **tx).await.map(|done| done.rows_affected()).map_err(from_sqlx)
            }
            Conn::Postgres(tx) => {
                let done = sqlx::query_with::<Postgres, _>(self.0.sql.into_sql_str(), postgres(self.0.values)?);
                done.execute(tx.connection().map_err(from_sqlx)?)
                    .await
                    .map(|done| done.rows_affected())
                    .map_err(from_sqlx)
            }
            Conn::PostgresStatements(conn) => {
                let done = sqlx::query_with::<Postgres, _>(self.0.sql.into_sql_str(), postgres(self.0.values)?);
                done.execute(&mut **conn).await.map(|done| done.rows_affected()).map_err(from_sqlx)
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

impl From<&'static str> for Text {
    fn from(sql: &'static str) -> Self {
        Self::Constant(sql)
    }
}

impl From<String> for Text {
    fn from(sql: String) -> Self {
        Self::Built(sql)
    }
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
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
