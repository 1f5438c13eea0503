//! The database's errors in our words. Statements and values never appear in them.

use std::time::Duration;

use kernel::{Code, Error};

/// Another transaction was in the way; the same work may succeed at once.
const CONFLICT: &str = "transaction_conflict";
/// How long a caller should wait before it comes back to a database that is down.
const COME_BACK: Duration = Duration::from_secs(2);

pub(crate) fn from_sqlx(error: sqlx::Error) -> Error {
    let translated = match &error {
        sqlx::Error::Database(database) => from_database(database.code().as_deref().unwrap_or(""), database.kind()),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => down(),
        sqlx::Error::Configuration(_) => {
            Error::config("database_url_malformed", "DATABASE_URL cannot be read as a database address")
        }
        _ => Error::internal("database_error", "the database did not understand us"),
    };
    translated.source(error)
}

fn from_database(code: &str, kind: sqlx::error::ErrorKind) -> Error {
    if kind == sqlx::error::ErrorKind::UniqueViolation {
        return Error::conflict("already_exists", "such a row exists already");
    }
    match code {
        // PostgreSQL: serialization failure, deadlock.
        "40001" | "40P01" => Error::unavailable(CONFLICT, "another change was in the way"),
        // PostgreSQL: statement time-out, lock time-out.
        "57014" | "55P03" => slow(),
        // PostgreSQL: insufficient privilege, which is also what a row-level policy answers to a foreign row.
        "42501" => Error::internal("row_level_security", "the database's own tenant check refused a statement"),
        // PostgreSQL: data exceptions, such as a NUL character in a text.
        _ if code.starts_with("22") => Error::bad_request("value_unstorable", "the database cannot store a value"),
        // PostgreSQL: connection errors, too many connections, shutting down, disk full; SQLite: busy, locked, I/O, full.
        _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => down(),
        "5" | "6" | "261" | "517" | "10" | "13" | "14" | "266" | "522" | "778" | "1034" => down(),
        _ => Error::internal("database_error", "the database refused a statement"),
    }
}

/// The database does not answer; nothing was done.
pub(crate) fn down() -> Error {
    Error::unavailable("database_down", "the database does not answer").retry_after(COME_BACK)
}

/// The database answered too slowly; nothing was done.
pub(crate) fn slow() -> Error {
    Error::unavailable("database_slow", "the database took too long").retry_after(COME_BACK)
}

/// Whether the same transaction should be run again at once.
pub(crate) fn is_conflict(error: &Error) -> bool {
    error.code == Code::Unavailable && error.tag == CONFLICT
}

pub(crate) fn wrong_column(name: &str, error: sqlx::Error) -> Error {
    Error::internal("column_unreadable", format!("the column {name} cannot be read")).source(error)
}
