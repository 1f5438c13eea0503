//! Which organization a name in a vendor's world belongs to.
//!
//! Events come with a phone number id, a customer id, a portal id. A route says whose that is. Events that came too
//! early wait for it, and a job lets them go on.

use async_trait::async_trait;
use kernel::{OrgId, Result};
use serde::{Deserialize, Serialize};
use store::{FromRow, Row, Tx};

use crate::{
    Job, JobCtx, NewJob, World,
    queue::{Seq, enqueue, sql},
};

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

/// Makes `key` lead to an organization, and enqueues the job that lets the events go on that waited for it.
/// An existing route of the same organization is kept; one of another organization too, and false is answered:
/// what a vendor calls by one name cannot belong to two tenants.
///
/// # Errors
/// What the database says.
pub async fn add_route(tx: &mut Tx, world: &World, route: &Route) -> Result<bool> {
    tx.system(
        "insert into routes (key, organization, connection, created_ms) values ($1, $2, $3, $4)
         on conflict (key) do nothing",
    )
    .bind(&route.key)
    .bind(&route.organization)
    .bind(route.connection.as_deref())
    .bind(world.now())
    .execute()
    .await?;
    let owner = tx.system("select organization from routes where key = $1").bind(&route.key).row().await?;
    let owner: Option<OrgId> = owner.map(|row| row.id("organization")).transpose()?;
    if owner.is_none_or(|owner| owner != route.organization) {
        return Ok(false);
    }
    let waiting = tx.system("select seq from route_waits where key = $1 limit 1").bind(&route.key).row().await?;
    if waiting.is_some() {
        enqueue(tx, world, ReleaseEvents { key: route.key.clone() }.queued()?).await?;
    }
    Ok(true)
}

/// What an event finds behind its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) route: Route,
    /// Whether earlier events of the same lane that waited for this route are still to be done: then this one waits too. It was
    /// claimed before they were let go, and would overtake them otherwise.
    pub(crate) is_behind: bool,
    /// Whether the event itself waited for this route.
    pub(crate) has_waited: bool,
}

/// The route of the first of these keys that has one, as the event number `seq` finds it. An organization that is being
/// erased has none.
pub(crate) async fn find(tx: &mut Tx, keys: &[String], seq: Seq) -> Result<Option<Found>> {
    for key in keys {
        let found = tx
            .system(
                "select r.key, r.organization, r.connection,
                     case when exists (select 1 from route_waits w join jobs j on j.seq = w.seq
                         join jobs own on own.seq = $2 and own.lane = j.lane
                         where w.key = r.key and w.seq < $2 and (j.state = 'unresolved' or j.rank is not null))
                         then 1 else 0 end as is_behind,
                     case when exists (select 1 from route_waits w where w.key = r.key and w.seq = $2)
                         then 1 else 0 end as has_waited
                 from routes r
                 where r.key = $1 and not exists (select 1 from erasures e where e.organization = r.organization)",
            )
            .bind(key)
            .bind(seq)
            .optional()
            .await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The route of the first of these keys that has one, as events find it none of which waited. None when no key has one, and
/// when events wait for it, among which each has to find its own place: see [`find`].
pub(crate) async fn find_free(tx: &mut Tx, keys: &[String]) -> Result<Option<Route>> {
    for key in keys {
        let row = tx
            .system(
                "select r.key, r.organization, r.connection,
                     case when exists (select 1 from route_waits w where w.key = r.key) then 1 else 0 end as is_awaited
                 from routes r
                 where r.key = $1 and not exists (select 1 from erasures e where e.organization = r.organization)",
            )
            .bind(key)
            .row()
            .await?;
        if let Some(row) = row {
            return if row.bool("is_awaited")? { Ok(None) } else { Route::from_row(&row).map(Some) };
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

/// Makes an event wait behind earlier ones of its lane, and lets it go on by the queue's own order.
pub(crate) async fn wait_behind(tx: &mut Tx, world: &World, seq: Seq, key: &str) -> Result<()> {
    wait_for(tx, seq, &[key.to_owned()]).await?;
    enqueue(tx, world, ReleaseEvents { key: key.to_owned() }.queued()?).await.map(drop)
}

/// Forgets that these events waited: they have ended, or were put back into the queue by hand.
pub(crate) async fn wait_no_more(tx: &mut Tx, seqs: &[Seq]) -> Result<()> {
    let (sql, seqs) = sql::one_of(
        tx,
        seqs,
        "delete from route_waits where seq in (select value from json_each($1))",
        "delete from route_waits where seq = any($1)",
    );
    tx.system(sql).bind(seqs).execute().await.map(drop)
}

/// Lets the events go on that wait for a key which leads somewhere by now: the oldest first, in small batches. They stand in
/// the queue by their tenants' shares, as if they came now.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReleaseEvents {
    key: String,
}

/// Events of one batch, and batches of one job.
const BATCH: i64 = 200;
const BATCHES: usize = 20;

#[async_trait]
impl Job for ReleaseEvents {
    const NAME: &'static str = "release_events";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        for batch in 1..=BATCHES {
            let (key, world) = (self.key.clone(), ctx.world().clone());
            let write = store::work(move |tx| {
                let (key, world) = (key.clone(), world.clone());
                Box::pin(async move {
                    let more = release(tx, &world, &key).await?;
                    if more && batch == BATCHES {
                        enqueue(tx, &world, Self { key }.queued()?).await?;
                    }
                    Ok(more)
                })
            });
            if !ctx.write(write).await? {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl ReleaseEvents {
    fn queued(&self) -> Result<NewJob> {
        Ok(NewJob::new(self)?.of_installation().lane(format!("release:{}", self.key)))
    }
}

/// Forgets events that waited for the key and have ended.
async fn forget_ended(tx: &mut Tx, key: &str) -> Result<()> {
    tx.system(
        "delete from route_waits where key = $1 and not exists (
             select 1 from jobs j where j.seq = route_waits.seq and (j.state = 'unresolved' or j.rank is not null))",
    )
    .bind(key)
    .execute()
    .await
    .map(drop)
}

/// Releases a batch. False when nobody waits for the key any more.
async fn release(tx: &mut Tx, world: &World, key: &str) -> Result<bool> {
    forget_ended(tx, key).await?;
    let waiting = tx
        .system(
            "select w.seq from route_waits w join jobs j on j.seq = w.seq
             where w.key = $1 and j.state = 'unresolved' order by w.seq limit $2",
        )
        .bind(key)
        .bind(BATCH)
        .rows()
        .await?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let seqs = waiting.iter().map(|row| row.int("seq")).collect::<Result<Vec<_>>>()?;
    // They are remembered until they have ended: see [`Found::is_behind`].
    sql::requeue(tx, &seqs, world.now()).await?;
    tx.wake();
    Ok(true)
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

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            route: Route::from_row(row)?,
            is_behind: row.bool("is_behind")?,
            has_waited: row.bool("has_waited")?,
        })
    }
}
