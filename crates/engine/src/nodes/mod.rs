//! The nodes: every process that runs jobs has a row in `nodes` with a lease, by the database's clock.
//!
//! A claim belongs to a node, and holds for as long as the row of its node is there. Only the reaper removes the row of
//! another node, and only when its lease has lapsed; from then on the node is fenced off: nothing that it claimed under this
//! number can be ended by it, and it has to register again. A node whose lease has lapsed and whose row is still there, such
//! as after an outage of the database, simply renews it.

mod contact;
mod sql;

use kernel::{Result, Scope, Time};
use serde::Serialize;
use store::Db;

use crate::queue::Known;

pub(crate) use contact::Contact;
pub(crate) use sql::{living, reap, register, renew, resign, take_over};

/// The number of a node, given by the database.
pub type NodeNumber = i64;

/// A node as it is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRow {
    /// Its number.
    pub node: NodeNumber,
    /// Where it runs.
    pub name: String,
    /// Its version.
    pub release: String,
    /// Since when, by the database's clock.
    pub started_at: Time,
    /// What its handlers know.
    pub knows: Known,
}

/// What waits for a node that can run it.
#[derive(Clone, Debug)]
pub struct Unhandled {
    /// The kind of the jobs, or the provider of the events.
    pub what: String,
    /// How many there are.
    pub count: i64,
}

/// What no node can run.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn unhandled(db: &Db) -> Result<Vec<Unhandled>> {
    db.read(&Scope::System, |tx| Box::pin(sql::unhandled(tx))).await
}

/// The nodes whose leases hold, oldest first. On SQLite a process that was killed is shown until the next one starts.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn nodes(db: &Db) -> Result<Vec<NodeRow>> {
    db.read(&Scope::System, |tx| Box::pin(living(tx))).await
}
