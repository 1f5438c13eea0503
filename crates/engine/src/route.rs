//! Which organization a name in a vendor's world belongs to.
//!
//! Events come with a phone number id, a customer id, a portal id. A route says whose that is. Events that came too
//! early wait for it.

use kernel::{OrgId, Result, Time};
use store::{FromRow, Row, Tx};

use crate::queue::{Seq, sql};

/// Where a key leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The name in the vendor's world: `whatsapp:phone:1234`.
    pub key: String,
    /// Whose it is.
    pub organization: OrgId,
    /// Through which of the organization's connections, where that matters.
    pub connection: Option<String>,
}

/// Makes `key` lead to an organization, and lets the events go on that waited for it.
/// An existing route of the same organization is kept; one of another organization too, and false is answered:
/// what a vendor calls by one name cannot belong to two tenants.
///
/// # Errors
/// What the database says.
pub async fn add_route(tx: &mut Tx, route: &Route, now: Time) -> Result<bool> {
    tx.system(
        "insert into routes (key, organization, connection, created_ms) values ($1, $2, $3, $4)
         on conflict (key) do nothing",
    )
    .bind(&route.key)
    .bind(&route.organization)
    .bind(route.connection.as_deref())
    .bind(now)
    .execute()
    .await?;
    let owner = find(tx, std::slice::from_ref(&route.key)).await?;
    if owner.is_none_or(|owner| owner.organization != route.organization) {
        return Ok(false);
    }
    release(tx, &route.key, now).await?;
    Ok(true)
}

/// The route of the first of these keys that has one.
pub(crate) async fn find(tx: &mut Tx, keys: &[String]) -> Result<Option<Route>> {
    for key in keys {
        let found =
            tx.system("select key, organization, connection from routes where key = $1").bind(key).optional().await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Remembers that an event waits for any of these keys.
pub(crate) async fn wait_for(tx: &mut Tx, seq: Seq, keys: &[String]) -> Result<()> {
    for key in keys {
        tx.system("insert into route_waits (key, seq) values ($1, $2) on conflict (key, seq) do nothing")
            .bind(key)
            .bind(seq)
            .execute()
            .await?;
    }
    Ok(())
}

async fn release(tx: &mut Tx, key: &str, now: Time) -> Result<()> {
    let waiting = tx
        .system(
            "select w.seq from route_waits w join jobs j on j.seq = w.seq
             where w.key = $1 and j.state = 'unresolved' order by w.seq",
        )
        .bind(key)
        .rows()
        .await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let seqs = waiting.iter().map(|row| row.int("seq")).collect::<Result<Vec<_>>>()?;
    sql::requeue(tx, &seqs, now).await?;
    tx.system("delete from route_waits where key = $1").bind(key).execute().await?;
    tx.wake();
    Ok(())
}

impl FromRow for Route {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            key: row.text("key")?,
            organization: row.id("organization")?,
            connection: row.opt_text("connection")?,
        })
    }
}
