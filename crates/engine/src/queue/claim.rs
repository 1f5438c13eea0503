//! The claim: which of the ready entries a node takes.

use kernel::{OrgId, Result, Time};
use store::{Engine, FromRow, Row, Tx, Value};

use super::Seq;

/// An entry that this process runs now.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub seq: Seq,
    pub kind: String,
    pub version: i64,
    pub tenant: String,
    pub organization: Option<OrgId>,
    pub lane: Option<String>,
    pub attempts: i64,
    pub max_attempts: i64,
    pub payload: Option<String>,
    pub rank: i64,
}

/// The columns of a [`Claimed`].
pub(super) const COLUMNS: &str =
    "seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload, rank";

/// What one claim takes.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    /// At most so many.
    pub limit: i64,
    /// At most so many of one tenant.
    pub share: i64,
    /// The new claim's number.
    pub claim: i64,
    /// Until when it holds without a sign of life.
    pub lease_until: Time,
    /// Tenants that have their share of this node's workers already.
    pub saturated: Vec<String>,
    /// Where to begin to look.
    pub from: Place,
}

/// A place in the queue: behind whoever has this rank and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    rank: i64,
    seq: Seq,
}

impl Place {
    /// Before everybody.
    pub(crate) const FRONT: Self = Self { rank: i64::MIN, seq: 0 };
}

/// Entries that a claim looks at together.
const WINDOW: i64 = 1024;
/// Windows that one claim looks at, so that claimers who wait for it do not wait for long.
const WINDOWS: usize = 8;
/// Entries of one lane in one claim: they run one after the other, so more of them would only be held.
const OF_A_LANE: i64 = 64;

/// Takes ready entries whose lanes are free, and tells where the next claim begins to look: at the front, unless this one
/// found nothing and did not come to the end of the queue. So what stands behind many who wait is found a few claims
/// later, and the front has its turn again as soon as anything was found.
pub(crate) async fn claim(tx: &mut Tx, want: &Want) -> Result<(Vec<Claimed>, Place)> {
    take_turns(tx).await?;
    let mut from = want.from;
    for _ in 0..WINDOWS {
        let mut claimed = claim_in_window(tx, want, from).await?;
        if !claimed.is_empty() {
            claimed.sort_unstable_by_key(|entry| entry.seq);
            return Ok((claimed, Place::FRONT));
        }
        // Everything in this window waits for something else: look behind it.
        match end_of_window(tx, from).await? {
            Some(end) => from = end,
            None => return Ok((Vec::new(), Place::FRONT)),
        }
    }
    Ok((Vec::new(), from))
}

/// Claimers of all nodes go one after the other: a lane that one of them took is seen as taken by the next.
pub(super) async fn take_turns(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        tx.system("select pg_advisory_xact_lock(7308628)").rows().await?;
    }
    Ok(())
}

/// One of each tenant in turn, each tenant's in the order of their ranks.
///
/// An entry is not taken before those ahead of it in its lane, whatever their ranks: a head that failed comes back with
/// a later rank than those who waited for it. So an entry counts with the latest rank of its lane up to itself, and one
/// that has somebody ahead of it outside of the window waits. Nothing is skipped because it is locked: whoever is ahead
/// in a lane stays ahead.
///
/// Of a lane only those are looked at that stand before the first who holds it up: a lane may have a million behind a
/// head that failed.
async fn claim_in_window(tx: &mut Tx, want: &Want, from: Place) -> Result<Vec<Claimed>> {
    let (has_room, saturated): (_, Value) = match tx.engine() {
        Engine::Sqlite => {
            let list = serde_json::json!(want.saturated).to_string();
            ("tenant not in (select value from json_each($5))", list.into())
        }
        Engine::Postgres => ("tenant <> all($5)", want.saturated.clone().into()),
    };
    tx.system_built(format!(
        "with entries as materialized (
             select seq, tenant, lane, rank from jobs where state = 'ready' and rank is not null
                 and (rank, seq) > ($6, $9) order by rank, seq limit $4),
         busy as materialized (
             select lane from jobs where state = 'running' and rank is not null and lane is not null),
         lanes as materialized (
             select l.lane, (
                 select o.seq from jobs o where o.lane = l.lane and o.rank is not null
                     and (o.state <> 'ready' or o.seq not in (select seq from entries))
                 order by o.seq limit 1) as held_from
             from (select distinct lane from entries where lane is not null) l
             where l.lane not in (select lane from busy)),
         free as (
             select seq, tenant, rank as turn_rank, 1 as place from entries where lane is null
             union all
             select e.seq, first_value(e.tenant) over (partition by e.lane order by e.seq),
                 max(e.rank) over (partition by e.lane order by e.seq),
                 row_number() over (partition by e.lane order by e.seq)
             from lanes l join entries e on e.lane = l.lane where l.held_from is null or e.seq < l.held_from),
         turns as (
             select seq, tenant, row_number() over (partition by tenant order by turn_rank, seq) as turn from free
             where place <= $8 and {has_room})
         update jobs set state = 'running', claim = $2, lease_ms = $3, starts = starts + 1
         where state = 'ready' and seq in (
             select seq from turns where turn <= $7 or tenant = '' order by turn, seq limit $1)
         returning {COLUMNS}"
    ))
    .bind(want.limit)
    .bind(want.claim)
    .bind(want.lease_until)
    .bind(WINDOW)
    .bind(saturated)
    .bind(from.rank)
    .bind(want.share)
    .bind(OF_A_LANE)
    .bind(from.seq)
    .all()
    .await
}

/// Where the window from this place ends; none when the queue ends in it.
async fn end_of_window(tx: &mut Tx, from: Place) -> Result<Option<Place>> {
    tx.system(
        "select rank, seq from jobs where state = 'ready' and rank is not null and (rank, seq) > ($1, $2)
         order by rank, seq limit 1 offset $3",
    )
    .bind(from.rank)
    .bind(from.seq)
    .bind(WINDOW - 1)
    .optional()
    .await
}

impl FromRow for Claimed {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.int("seq")?,
            kind: row.text("kind")?,
            version: row.int("version")?,
            tenant: row.text("tenant")?,
            organization: row.opt_id("organization")?,
            lane: row.opt_text("lane")?,
            attempts: row.int("attempts")?,
            max_attempts: row.int("max_attempts")?,
            payload: row.opt_text("payload")?,
            rank: row.int("rank")?,
        })
    }
}

impl FromRow for Place {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { rank: row.int("rank")?, seq: row.int("seq")? })
    }
}
