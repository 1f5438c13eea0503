//! Many values or rows in one statement.

use kernel::{Error, Result};
use serde::Serialize;

use crate::{Engine, Reader, Value};

impl Reader {
    /// The text for this engine, and a list as that text takes it: SQLite's reads it by `json_each`, PostgreSQL's as an array,
    /// in which it looks up each in an index.
    pub fn list_of(&self, sqlite: &'static str, postgres: &'static str, values: &[&str]) -> (&'static str, Value) {
        match self.engine() {
            Engine::Sqlite => (sqlite, serde_json::json!(values).to_string().into()),
            Engine::Postgres => (postgres, values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>().into()),
        }
    }

    /// A table for a statement's text: the rows that are bound at `$parameter` by [`rows`], each as the column `value` of `r`.
    /// Its first field is `value ->> 0`, a text; a number is `cast(value ->> 0 as bigint)`.
    pub fn rows_at(&self, parameter: u8) -> String {
        match self.engine() {
            Engine::Sqlite => format!("json_each(${parameter}) as r"),
            Engine::Postgres => format!("jsonb_array_elements(${parameter}::text::jsonb) as r (value)"),
        }
    }
}

/// Rows as one value, each a tuple of its fields: see [`Reader::rows_at`].
///
/// # Errors
/// `Internal` when a row cannot be written as JSON.
pub fn rows<T: Serialize>(rows: &[T]) -> Result<Value> {
    let text = serde_json::to_string(rows)
        .map_err(|error| Error::internal("unwritable", "rows cannot be written as JSON").source(error))?;
    Ok(text.into())
}
