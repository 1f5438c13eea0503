//! A row of an answer, the same on both engines.

use kernel::{Error, Id, Prefix, Result, Time};
use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};

use crate::error::wrong_column;

/// One row. Columns are read by name.
pub struct Row(pub(crate) DriverRow);

/// As the driver of the engine has it.
pub(crate) enum DriverRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type that is read from a row.
pub trait FromRow: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// `Internal` when a column is missing or holds what it never should.
    fn from_row(row: &Row) -> Result<Self>;
}

macro_rules! get {
    ($row:expr, $name:expr) => {
        match &$row.0 {
            DriverRow::Sqlite(row) => row.try_get($name),
            DriverRow::Postgres(row) => row.try_get($name),
        }
        .map_err(|error| wrong_column($name, error))
    };
}

impl Row {
    /// A number.
    ///
    /// # Errors
    /// `Internal` when the column is missing, null or of another type, as for every reader here.
    pub fn int(&self, name: &str) -> Result<i64> {
        let int = self.opt_int(name)?;
        int.ok_or_else(|| wrong_column(name, sqlx::Error::Decode("it is null".into())))
    }

    /// A number that may be missing.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn opt_int(&self, name: &str) -> Result<Option<i64>> {
        let wide: Result<Option<i64>> = get!(self, name);
        match (&self.0, wide) {
            // A number that stands in the statement itself is an `integer` on PostgreSQL.
            (DriverRow::Postgres(row), Err(error)) => {
                row.try_get::<Option<i32>, _>(name).map(|narrow| narrow.map(i64::from)).map_err(|_| error)
            }
            (_, wide) => wide,
        }
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn text(&self, name: &str) -> Result<String> {
        get!(self, name)
    }

    /// A text that may be missing.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn opt_text(&self, name: &str) -> Result<Option<String>> {
        get!(self, name)
    }

    /// Bytes.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn blob(&self, name: &str) -> Result<Vec<u8>> {
        get!(self, name)
    }

    /// Bytes that may be missing.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn opt_blob(&self, name: &str) -> Result<Option<Vec<u8>>> {
        get!(self, name)
    }

    /// A boolean, stored as 0 or 1.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn bool(&self, name: &str) -> Result<bool> {
        Ok(self.int(name)? != 0)
    }

    /// A moment, stored as milliseconds.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn time(&self, name: &str) -> Result<Time> {
        Ok(Time::from_ms(self.int(name)?))
    }

    /// A moment that may be missing.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn opt_time(&self, name: &str) -> Result<Option<Time>> {
        Ok(self.opt_int(name)?.map(Time::from_ms))
    }

    /// An id.
    ///
    /// # Errors
    /// As [`Row::int`]; also when the text is not the id of a `P`.
    pub fn id<P: Prefix>(&self, name: &str) -> Result<Id<P>> {
        Id::parse(&self.text(name)?).map_err(|error| bad_value(name, &error))
    }

    /// An id that may be missing.
    ///
    /// # Errors
    /// As [`Row::id`].
    pub fn opt_id<P: Prefix>(&self, name: &str) -> Result<Option<Id<P>>> {
        self.opt_text(name)?.map(|text| Id::parse(&text).map_err(|error| bad_value(name, &error))).transpose()
    }
}

fn bad_value(name: &str, error: &Error) -> Error {
    Error::internal("column_value", format!("the column {name} holds what it never should: {error}"))
}
