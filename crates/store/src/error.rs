//! The database's errors in our words. Statements and values never appear in them.

use std::{any::Any, fmt, time::Duration};

use kernel::{Code, Error};
use sqlx::postgres::PgDatabaseError;

/// Another transaction was in the way; the same work may succeed at once.
const CONFLICT: &str = "transaction_conflict";
/// A unique index refused a row.
const DUPLICATE: &str = "already_exists";
/// The database does not answer.
const DOWN: &str = "database_down";
/// How long a caller should wait before it comes back to a database that is down.
const COME_BACK: Duration = Duration::from_secs(2);

pub(crate) fn from_sqlx(error: sqlx::Error) -> Error {
    if let sqlx::Error::Database(database) = &error {
        let (code, kind) = (database.code().unwrap_or_default(), database.kind());
        let translated = match (&*code, database.try_downcast_ref::<PgDatabaseError>()) {
            ("42501", Some(postgres)) => not_permitted(postgres),
            ("08P01", Some(postgres)) if postgres.message().contains("startup parameter") => pooler_undeclared(),
            _ => from_database(&code, &kind),
        };
        return translated.source(Cause::new(&code, database.message()));
    }
    let translated = if is_lost(&error) {
        down()
    } else if matches!(error, sqlx::Error::Configuration(_)) {
        Error::config("database_url_malformed", "DATABASE_URL cannot be read as a database address")
    } else {
        Error::internal("database_error", "the database did not understand us")
    };
    translated.source(error)
}

fn is_lost(error: &sqlx::Error) -> bool {
    use sqlx::Error::{BeginFailed, Io, PoolClosed, PoolTimedOut, Tls, WorkerCrashed};
    matches!(error, Io(_) | Tls(_) | PoolTimedOut | PoolClosed | WorkerCrashed | BeginFailed)
}

fn from_database(code: &str, kind: &sqlx::error::ErrorKind) -> Error {
    if *kind == sqlx::error::ErrorKind::UniqueViolation {
        return Error::conflict(DUPLICATE, "such a row exists already");
    }
    match code {
        // PostgreSQL: serialization failure, deadlock.
        "40001" | "40P01" => Error::unavailable(CONFLICT, "another change was in the way"),
        // PostgreSQL: statement time-out, lock time-out.
        "57014" | "55P03" => slow(),
        // SQLite: interrupted, which only our own time limit does.
        "9" => slow(),
        // PostgreSQL: data exceptions, such as a NUL character in a text.
        _ if code.starts_with("22") => Error::bad_request("value_unstorable", "the database cannot store a value"),
        // PostgreSQL: we did not keep to the protocol, as with a value too few.
        "08P01" => Error::internal("database_error", "the database refused a statement"),
        // PostgreSQL: connection errors, too many connections, shutting down, disk full; SQLite: busy, locked, I/O, full.
        _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => down(),
        "5" | "6" | "261" | "517" | "10" | "13" | "14" | "266" | "522" | "778" | "1034" => down(),
        _ => Error::internal("database_error", "the database refused a statement"),
    }
}

/// PostgreSQL has one code for two things: a row that a row-level policy refuses, and a table that the role may not use at all. What
/// tells them apart, in every language of the server, is the function that refused.
fn not_permitted(error: &PgDatabaseError) -> Error {
    if error.routine() == Some("ExecWithCheckOptions") {
        return Error::internal("row_level_security", "the database's own tenant check refused a statement");
    }
    Error::config(
        "database_permission",
        "the database does not let its role use something that it needs: run `trunkline migrate` as the owner of the tables, \
         which grants what is missing, as after the restore of a dump",
    )
}

/// The connection leads through a pooler, and nobody said so.
pub(crate) fn pooler_undeclared() -> Error {
    Error::config(
        "database_pooler",
        "DATABASE_URL leads through a pooler such as PgBouncer: set DATABASE_DIRECT_URL to the address of PostgreSQL itself, which \
         is needed too",
    )
}

/// What the database said, without the rows and statements that it likes to quote: sqlx shows those in `Debug`.
#[derive(Debug)]
struct Cause(String);

impl Cause {
    fn new(code: &str, message: &str) -> Self {
        // PostgreSQL's data exceptions quote the value: `invalid input syntax for type bigint: "…"`.
        let quotes_values = code.len() == 5 && code.starts_with("22");
        Self(if quotes_values { code.to_owned() } else { format!("{code}: {message}") })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

/// A transaction's closure panicked; nothing was done.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words");
    // What it says may hold a value: it is logged here, masked, and not passed on.
    tracing::error!(panic = %kernel::mask(words), "a transaction panicked");
    Error::internal("panicked", "the work of a transaction panicked: this is a defect in it").never_retry()
}

/// The database does not answer; nothing was done.
pub(crate) fn down() -> Error {
    Error::unavailable(DOWN, "the database does not answer").retry_after(COME_BACK)
}

/// There was no place for a caller for as long as callers wait; nothing was done.
pub(crate) fn busy(message: &'static str) -> Error {
    Error::unavailable("database_busy", message).retry_after(COME_BACK)
}

/// Somebody writes with a handle that was opened to read.
pub(crate) fn opened_to_read() -> Error {
    Error::internal("opened_to_read", "this command only reads, and tried to write").never_retry()
}

/// A statement that supplies no organization names a table of organizations.
pub(crate) fn tenant_table(table: &str) -> Error {
    let message = format!("a statement without an organization uses {table}, whose rows belong to organizations");
    Error::internal("tenant_table", message).never_retry()
}

/// The database answered too slowly; nothing was done.
pub(crate) fn slow() -> Error {
    Error::unavailable("database_slow", "the database took too long").retry_after(COME_BACK)
}

/// Something was asked for that only an organization has, by somebody who acts in none.
pub fn no_organization() -> Error {
    Error::new(Code::Forbidden, "no_organization", "you belong to no organization: create one, or be invited")
}

/// Whether a row was there already.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    error.code == Code::Conflict && error.tag == DUPLICATE
}

/// Whether the database did not answer. Of a transaction that had begun to commit nobody knows then whether it did.
pub fn is_down(error: &Error) -> bool {
    error.code == Code::Unavailable && error.tag == DOWN
}

/// Whether the same transaction should be run again at once.
pub(crate) fn is_conflict(error: &Error) -> bool {
    error.code == Code::Unavailable && error.tag == CONFLICT
}

pub(crate) fn wrong_column(name: &str, error: sqlx::Error) -> Error {
    Error::internal("column_unreadable", format!("the column {name} cannot be read")).source(error)
}
