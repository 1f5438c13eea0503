//! SQL on SQLite and on PostgreSQL: one text for both, one transaction type, the tenant supplied by the scope.
//!
//! A statement on a tenant table (one with a column `org_id`) has the organization as `$1`; [`Tx::query`] binds it, so
//! that nobody can pass another one. On PostgreSQL row-level security is the second wall.

mod backup;
mod capacity;
mod catalog;
mod db;
mod error;
mod failpoints;
mod hooks;
mod lists;
mod migrate;
mod options;
mod postgres;
mod query;
mod restoring;
mod row;
mod schema;
mod shared;
mod sqlite;
mod tx;
mod value;

pub use capacity::Capacity;
pub use catalog::{Column, ColumnKind, TableSchema, schema};
pub use db::{Db, Engine, Isolation, Listener};
pub use error::{is_down, no_organization};
pub use failpoints::{Failpoint, Failpoints};
pub use hooks::{BeforeCommit, Commit, OnCommit};
pub use lists::rows;
pub use migrate::{Migration, MigrationSet, check, migrate};
pub use options::{Access, Options};
pub use query::{Query, Read};
pub use restoring::{RestoreState, Restoring};
pub use row::{FromRow, Row};
pub use schema::{Reads, Table};
pub use sqlite::{FileLock, make_private_folder};
pub use tx::{Reader, Tx};
pub use value::Value;

/// A future that a transaction's closure returns.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;

/// Gives a closure the type that [`Db::write`] wants, for one that is kept in a variable first.
pub fn work<T, F>(work: F) -> F
where
    F: Fn(&mut Tx) -> BoxFuture<'_, kernel::Result<T>> + Send + Sync + 'static,
{
    work
}
