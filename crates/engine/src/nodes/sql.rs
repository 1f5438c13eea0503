//! The statements on `nodes`, and what takes entries away from nodes that are gone. All of them go by the database's clock.

use std::time::Duration;

use kernel::{Result, Time};
use store::{Engine, FromRow, Row, Tx};

use super::{NodeNumber, NodeRow, Unhandled};
use crate::queue::{Known, suspects};

/// The database's clock, in milliseconds.
fn clock(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "cast(unixepoch('subsec') * 1000 as integer)",
        Engine::Postgres => "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)",
    }
}

/// The lease of a node: on SQLite, which one process serves, it does not lapse.
fn milliseconds(engine: Engine, lease: Duration) -> i64 {
    const FOR_EVER: i64 = 1 << 50;
    match engine {
        Engine::Sqlite => FOR_EVER,
        Engine::Postgres => i64::try_from(lease.as_millis()).unwrap_or(FOR_EVER),
    }
}

/// Adds a node, and tells its number and the database's time.
pub(crate) async fn register(
    tx: &mut Tx,
    name: &str,
    release: &str,
    knows: &Known,
    lease: Duration,
) -> Result<(NodeNumber, Time)> {
    let (clock, lease) = (clock(tx.engine()), milliseconds(tx.engine(), lease));
    let row = tx
        .system_built(format!(
            "insert into nodes (name, release, started_ms, lease_until_ms, knows)
             values ($1, $2, {clock}, {clock} + $3, $4) returning node, started_ms"
        ))
        .bind(name)
        .bind(release)
        .bind(lease)
        .bind(knows.write()?)
        .row()
        .await?;
    let row = row.ok_or_else(|| kernel::Error::internal("node_unnumbered", "the database gave a node no number"))?;
    Ok((row.int("node")?, row.time("started_ms")?))
}

/// Extends the lease of a node, and tells the database's time. None when the node was taken for dead.
pub(crate) async fn renew(tx: &mut Tx, node: NodeNumber, lease: Duration) -> Result<Option<Time>> {
    let (clock, lease) = (clock(tx.engine()), milliseconds(tx.engine(), lease));
    let row = tx
        .system_built(format!(
            "update nodes set lease_until_ms = {clock} + $2 where node = $1 returning {clock} as now_ms"
        ))
        .bind(node)
        .bind(lease)
        .row()
        .await?;
    row.map(|row| row.time("now_ms")).transpose()
}

/// Removes a node that ends.
pub(crate) async fn resign(tx: &mut Tx, node: NodeNumber) -> Result<()> {
    tx.system("delete from nodes where node = $1").bind(node).execute().await.map(drop)
}

/// The nodes whose leases hold, oldest first.
pub(crate) async fn living(tx: &mut Tx) -> Result<Vec<NodeRow>> {
    let clock = clock(tx.engine());
    let query = tx.system_built(format!(
        "select node, name, release, started_ms, knows from nodes where lease_until_ms > {clock} order by node"
    ));
    query.all().await
}

/// Removes the nodes whose leases have lapsed, and takes back what they held; tells how many entries that were. Does nothing
/// when the lease of the `reaper` does not hold itself.
pub(crate) async fn reap(tx: &mut Tx, reaper: NodeNumber, now: Time) -> Result<u64> {
    let clock = clock(tx.engine());
    tx.system_built(format!(
        "delete from nodes where lease_until_ms <= {clock}
             and exists (select 1 from nodes reaper where reaper.node = $1 and reaper.lease_until_ms > {clock})"
    ))
    .bind(reaper)
    .execute()
    .await?;
    suspects::reap(tx, clock, now).await
}

/// Removes all nodes: for the only process that serves a SQLite file.
pub(crate) async fn take_over(tx: &mut Tx, now: Time) -> Result<u64> {
    tx.system("delete from nodes").execute().await?;
    suspects::reap(tx, "9223372036854775807", now).await
}

/// What no node can run, by kind or provider.
pub(super) async fn unhandled(tx: &mut Tx) -> Result<Vec<Unhandled>> {
    tx.system(
        "select case when provider = '' then kind else provider end as what, count(*) as entries from jobs
         where state = 'unhandled' group by kind, provider order by kind, provider",
    )
    .all()
    .await
}

impl FromRow for Unhandled {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { what: row.text("what")?, count: row.int("entries")? })
    }
}

impl FromRow for NodeRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            node: row.int("node")?,
            name: row.text("name")?,
            release: row.text("release")?,
            started_at: row.time("started_ms")?,
            knows: Known::read(&row.text("knows")?)?,
        })
    }
}
