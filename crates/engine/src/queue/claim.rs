//! The claim: which of the ready entries a node takes.

use std::collections::{BTreeMap, VecDeque};

use kernel::{OrgId, Result};
use store::{Engine, FromRow, Row, Tx, Value};

use super::{Known, Seq, known::is_known, sql::WALKING};
use crate::nodes::NodeNumber;

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
    /// The limit that it shares with others.
    pub throttle: Option<String>,
}

/// The columns of a [`Claimed`].
pub(super) const COLUMNS: &str =
    "seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload, rank, throttle";

/// What one claim may take.
#[derive(Clone, Debug)]
pub(crate) struct ClaimRequest {
    /// At most so many entries.
    pub limit: i64,
    /// At most so many jobs among them: a job may take long, and another node could begin it sooner.
    pub jobs: i64,
    /// At most so many of one tenant.
    pub share: i64,
    /// The new claim's number.
    pub claim: i64,
    /// Whose it is: it holds for as long as the node's lease.
    pub node: NodeNumber,
    /// Tenants that have their share of this node's workers already.
    pub saturated: Vec<String>,
    /// What this node can run.
    pub known: Known,
    /// The part of the queue that is searched.
    pub scan: Scan,
    /// Whether it looks far behind the front, when nothing is free there.
    pub is_far: bool,
}

/// The part of the queue that a claim searches: a window at the front, and on demand further windows behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The position at which the last search behind the front stopped, and the next one continues; the front when it reached
    /// the end of the queue.
    far: Position,
    /// Whether the previous claim found as much as a claim or one tenant may take. The next entries are then likely to be free
    /// too, so a smaller window is enough.
    is_narrow: bool,
}

impl Scan {
    /// The first one.
    pub(crate) const NEW: Self = Self { far: Position::FRONT, is_narrow: false };

    /// Whether there is more of the queue than was looked at.
    pub(crate) fn goes_on(self) -> bool {
        self.far != Position::FRONT
    }

    /// How many entries the window at the front has, and how many of one tenant are looked at in it.
    fn window(self, request: &ClaimRequest) -> Window {
        let wanted = request.limit.min(request.share);
        match NARROW.into_iter().find(|size| self.is_narrow && *size >= 2 * wanted) {
            Some(size) => Window { size, of_a_tenant: request.share },
            None => Window::WIDE,
        }
    }
}

/// Entries that a claim looks at together.
#[derive(Clone, Copy)]
struct Window {
    /// Entries. Statements name it, instead of binding it: a planner that does not know how few are asked for would rather
    /// sort all of the queue than walk its index.
    size: i64,
    /// Entries of one tenant among them.
    of_a_tenant: i64,
}

impl Window {
    /// The largest.
    const WIDE: Self = Self { size: 1024, of_a_tenant: 1024 };
}

/// What a claim took.
pub(crate) struct Claim {
    pub entries: Vec<Claimed>,
    /// The part of the queue that the next claim searches.
    pub next: Scan,
    /// Whether it looked far behind the front.
    pub went_far: bool,
}

/// A position in the queue: behind the entry with this rank and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    rank: i64,
    seq: Seq,
}

impl Position {
    /// Before the first entry.
    const FRONT: Self = Self { rank: i64::MIN, seq: 0 };
}

/// Smaller windows: a few, as each is a statement that is prepared. In the smallest tenants still take turns.
const NARROW: [i64; 3] = [128, 256, 512];
/// Windows far behind the front that one claim looks at, so that claimers who wait for it do not wait for long.
const WINDOWS: usize = 8;
/// Entries of one lane in one claim: they run one after the other, so more of them would only be held.
const OF_A_LANE: i64 = 64;

/// Takes ready entries that this node can run and whose lanes are free: at the front of the queue, or, when nothing is free
/// there, far behind it. Such a look goes on where the last one stopped, so that what stands behind very many that wait is
/// found a few claims later.
pub(crate) async fn claim(tx: &mut Tx, request: &ClaimRequest) -> Result<Claim> {
    lock_claims(tx).await?;
    let ClaimRequest { scan, limit, is_far, .. } = *request;
    let mut window = scan.window(request);
    let mut entries = claim_in_window(tx, request, Position::FRONT, window).await?;
    if entries.is_empty() && window.size < Window::WIDE.size {
        window = Window::WIDE;
        entries = claim_in_window(tx, request, Position::FRONT, window).await?;
    }
    if !entries.is_empty() {
        let is_narrow = i64::try_from(entries.len()).is_ok_and(|claimed| claimed >= limit.min(request.share));
        return Ok(Claim { entries: in_turns(entries), next: Scan { is_narrow, ..scan }, went_far: false });
    }
    let end = end_of_window(tx, request, Position::FRONT, window).await?;
    match end {
        Some(end) if is_far => claim_far(tx, request, end.max(scan.far)).await,
        // The next look goes on where the last one stopped.
        Some(end) => Ok(Claim::nothing(end.max(scan.far), false)),
        None => Ok(Claim::nothing(Position::FRONT, false)),
    }
}

/// Claims in the first of a few windows in which something is free.
async fn claim_far(tx: &mut Tx, request: &ClaimRequest, mut from: Position) -> Result<Claim> {
    for _ in 0..WINDOWS {
        let entries = claim_in_window(tx, request, from, Window::WIDE).await?;
        if !entries.is_empty() {
            return Ok(Claim { entries: in_turns(entries), next: Scan::NEW, went_far: true });
        }
        match end_of_window(tx, request, from, Window::WIDE).await? {
            Some(end) => from = end,
            None => return Ok(Claim::nothing(Position::FRONT, true)),
        }
    }
    Ok(Claim::nothing(from, true))
}

impl Claim {
    fn nothing(far: Position, went_far: bool) -> Self {
        Self { entries: Vec::new(), next: Scan { far, is_narrow: false }, went_far }
    }
}

/// Makes claims of different nodes run one after the other until this transaction ends: a lane that one of them took is
/// seen as taken by the next.
///
/// A node that freezes in the middle of its claim holds up the others for two seconds: then PostgreSQL ends its session.
pub(super) async fn lock_claims(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        tx.system_built(format!("select {WALKING}, pg_advisory_xact_lock(7308628)")).rows().await?;
    }
    Ok(())
}

/// Claims within one window of the queue: one entry of each tenant in turn, each tenant's in the order of their ranks.
///
/// An entry is not taken before those ahead of it in its lane, whatever their ranks: a head that failed comes back with
/// a later rank than those that waited for it. So an entry counts with the latest rank of its lane up to itself, and one
/// that has an entry ahead of it outside of the window waits. Nothing is skipped because it is locked: what is ahead in a
/// lane stays ahead.
///
/// Entries of tenants that have their share are left out first, and what is more than one tenant may take: an entry behind
/// one of those in its lane waits, as behind any that is outside of the window.
///
/// Of a lane only those are looked at that stand before the first that holds it up: a lane may have a million behind a
/// head that failed. It is looked for once in each lane, and nothing is joined: a planner that expects few entries would
/// compare each with each.
async fn claim_in_window(tx: &mut Tx, request: &ClaimRequest, from: Position, window: Window) -> Result<Vec<Claimed>> {
    let (has_room, saturated): (_, Value) = match tx.engine() {
        Engine::Sqlite => {
            let list = serde_json::json!(request.saturated).to_string();
            ("tenant not in (select value from json_each($4))", list.into())
        }
        Engine::Postgres => ("tenant <> all($4)", request.saturated.clone().into()),
    };
    let (is_known, size) = (is_known(tx, 9), window.size);
    tx.system_built(format!(
        "with ahead as materialized (
             select seq, tenant, lane, rank, case when kind = 'event' then 0 else 1 end as job from jobs
             where state = 'ready' and rank is not null and (rank, seq) > ($5, $8) and {is_known}
             order by rank, seq limit {size}),
         entries as materialized (
             select seq, tenant, lane, rank, job
             from (select a.*, row_number() over (partition by tenant order by rank, seq) as nth from ahead a
                   where {has_room}) a
             where nth <= $11 or tenant = ''),
         busy as materialized (
             select lane from jobs where state in ('running', 'cancelling') and rank is not null and lane is not null),
         laned as (
             select seq, lane, first_value(tenant) over w as tenant, first_value(job) over w as job,
                 max(rank) over w as turn_rank, row_number() over w as place
             from entries where lane is not null and lane not in (select lane from busy)
             window w as (partition by lane order by seq)),
         looked as (
             select seq, lane, tenant, job, turn_rank, case when place = 1 then (
                 select o.seq from jobs o where o.lane = laned.lane and o.rank is not null
                     and (o.state <> 'ready' or o.seq not in (select seq from entries))
                 order by o.seq limit 1) end as first_held
             from laned where place <= $7),
         free as (
             select seq, tenant, job, rank as turn_rank from entries where lane is null
             union all
             select seq, tenant, job, turn_rank
             from (select seq, tenant, job, turn_rank, max(first_held) over (partition by lane) as held_from
                   from looked) l
             where held_from is null or seq < held_from),
         turns as (
             select seq, tenant, job, row_number() over (partition by tenant order by turn_rank, seq) as turn
             from free),
         counted as (
             select seq, tenant, job, turn, sum(job) over (order by turn, seq) as jobs_so_far from turns
             where turn <= $6 or tenant = '')
         update jobs set state = 'running', claim = $2, node = $3, starts = starts + 1
         where state = 'ready' and seq in (
             select seq from counted where job = 0 or jobs_so_far <= $10 order by turn, seq limit $1)
         returning {COLUMNS}"
    ))
    .bind(request.limit)
    .bind(request.claim)
    .bind(request.node)
    .bind(saturated)
    .bind(from.rank)
    .bind(request.share)
    .bind(OF_A_LANE)
    .bind(from.seq)
    .bind(request.known.to_parameter())
    .bind(request.jobs)
    .bind(window.of_a_tenant)
    .all()
    .await
}

/// Where the window from this position ends; none when the queue ends in it.
async fn end_of_window(
    tx: &mut Tx,
    request: &ClaimRequest,
    from: Position,
    window: Window,
) -> Result<Option<Position>> {
    let (is_known, last) = (is_known(tx, 3), window.size - 1);
    tx.system_built(format!(
        "select rank, seq from jobs where state = 'ready' and rank is not null and (rank, seq) > ($1, $2) and {is_known}
         order by rank, seq limit 1 offset {last}"
    ))
    .bind(from.rank)
    .bind(from.seq)
    .bind(request.known.to_parameter())
    .optional()
    .await
}

/// The order in which they begin: those without a lane by turns of their tenants, then those of lanes by number.
fn in_turns(mut claimed: Vec<Claimed>) -> Vec<Claimed> {
    claimed.sort_unstable_by_key(|entry| entry.seq);
    let (laned, free): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|entry| entry.lane.is_some());
    let mut tenants: BTreeMap<String, VecDeque<Claimed>> = BTreeMap::new();
    for entry in free {
        tenants.entry(entry.tenant.clone()).or_default().push_back(entry);
    }
    let mut ordered = Vec::new();
    while !tenants.is_empty() {
        ordered.extend(tenants.values_mut().filter_map(VecDeque::pop_front));
        tenants.retain(|_, entries| !entries.is_empty());
    }
    ordered.extend(laned);
    ordered
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
            throttle: row.opt_text("throttle")?,
        })
    }
}

impl FromRow for Position {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { rank: row.int("rank")?, seq: row.int("seq")? })
    }
}
