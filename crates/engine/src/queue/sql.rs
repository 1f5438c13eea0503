//! Every statement that moves an entry from one state to the next.
//!
//! A claim is a number that only one claimer has; whoever writes the end of a run must still hold it. All of these are
//! right by row locks and the claim, so they run outside of serializable transactions, or inside a handler's own.

use kernel::{OrgId, Result, Time};
use store::{Engine, FromRow, Row, Tx};

use super::{Seq, State};

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
}

/// How many scheduled entries become ready at once.
const PROMOTE: i64 = 1000;
/// After this many starts without an end, an entry is given up.
pub(crate) const MAX_STARTS: i64 = 3;
const CRASHED: &str = "it was running each time when its process ended: given up after 3 starts";

/// Makes ready what was scheduled for now or earlier.
pub(crate) async fn promote(tx: &mut Tx, now: Time) -> Result<u64> {
    tx.system(
        "update jobs set state = 'ready' where seq in (
             select seq from jobs where state = 'scheduled' and rank is not null and rank <= $1
             order by rank limit $2)",
    )
    .bind(micros(now))
    .bind(PROMOTE)
    .execute()
    .await
}

/// What one claim takes.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    /// At most so many.
    pub limit: i64,
    /// The new claim's number.
    pub claim: i64,
    /// Until when it holds without a sign of life.
    pub lease_until: Time,
    /// Tenants that have their share of this node's workers already.
    pub saturated: Vec<String>,
}

/// How far a claim looks down the queue. Entries beyond wait for the next claim.
const HORIZON: i64 = 4096;

/// Takes ready entries whose lanes are free: one of each tenant in turn, each tenant's in the order of their ranks.
pub(crate) async fn claim(tx: &mut Tx, want: &Want) -> Result<Vec<Claimed>> {
    let (sql, saturated): (_, store::Value) = match tx.engine() {
        Engine::Sqlite => (
            "with horizon as (
                 select seq, tenant, lane, rank from jobs where state = 'ready' and rank is not null
                 order by rank limit $4),
             free as (
                 select h.seq, row_number() over (partition by h.tenant order by h.rank, h.seq) as turn from horizon h
                 where h.tenant not in (select value from json_each($5)) and (h.lane is null or not exists (
                     select 1 from jobs o where o.lane = h.lane and o.rank is not null
                         and (o.state = 'running' or (o.state in ('scheduled', 'suspect') and o.seq < h.seq)))))
             update jobs set state = 'running', claim = $2, lease_ms = $3, starts = starts + 1
             where seq in (select seq from free order by turn, seq limit $1)
             returning seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload",
            serde_json::json!(want.saturated).to_string().into(),
        ),
        Engine::Postgres => (
            "with horizon as (
                 select seq, tenant, lane, rank from jobs where state = 'ready' and rank is not null
                 order by rank limit $4),
             free as (
                 select h.seq, row_number() over (partition by h.tenant order by h.rank, h.seq) as turn from horizon h
                 where h.tenant <> all($5) and (h.lane is null or not exists (
                     select 1 from jobs o where o.lane = h.lane and o.rank is not null
                         and (o.state = 'running' or (o.state in ('scheduled', 'suspect') and o.seq < h.seq))))),
             picked as (
                 select seq from jobs where seq in (select seq from free order by turn, seq limit $1)
                 for update skip locked)
             update jobs set state = 'running', claim = $2, lease_ms = $3, starts = starts + 1
             from picked where jobs.seq = picked.seq
             returning jobs.seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload",
            want.saturated.clone().into(),
        ),
    };
    take_turns(tx).await?;
    let query = tx.system(sql).bind(want.limit).bind(want.claim).bind(want.lease_until).bind(HORIZON).bind(saturated);
    let mut claimed: Vec<Claimed> = query.all().await?;
    claimed.sort_unstable_by_key(|entry| entry.seq);
    Ok(claimed)
}

/// Claimers of all nodes go one after the other: a lane that one of them took is seen as taken by the next.
async fn take_turns(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        tx.system("select pg_advisory_xact_lock(7308628)").rows().await?;
    }
    Ok(())
}

/// Takes one suspect, to run it with nothing beside it.
pub(crate) async fn claim_suspect(tx: &mut Tx, claim: i64, lease_until: Time) -> Result<Option<Claimed>> {
    take_turns(tx).await?;
    tx.system(
        "update jobs set state = 'running', claim = $1, lease_ms = $2, starts = starts + 1
         where seq = (select seq from jobs where state = 'suspect' and rank is not null order by rank limit 1)
         returning seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload",
    )
    .bind(claim)
    .bind(lease_until)
    .optional()
    .await
}

/// Whether a suspect waits to be run alone.
pub(crate) async fn has_suspects(tx: &mut Tx) -> Result<bool> {
    let row = tx.system("select seq from jobs where state = 'suspect' and rank is not null limit 1").row().await?;
    Ok(row.is_some())
}

/// Whether anything could be claimed or promoted.
pub(crate) async fn has_work(tx: &mut Tx, now: Time) -> Result<bool> {
    let row = tx
        .system(
            "select case when
                 exists (select 1 from jobs where state in ('ready', 'suspect') and rank is not null)
                 or exists (select 1 from jobs where state = 'scheduled' and rank is not null and rank <= $1)
                 then 1 else 0 end as work",
        )
        .bind(micros(now))
        .row()
        .await?;
    row.map_or(Ok(false), |row| row.bool("work"))
}

/// Takes back what a process held that has not said for a lease's time that it lives.
pub(crate) async fn reap(tx: &mut Tx, now: Time) -> Result<u64> {
    tx.system(
        "update jobs set claim = null, lease_ms = null,
             state = case when starts >= $2 then 'dead' when starts = $2 - 1 then 'suspect' else 'ready' end,
             rank = case when starts >= $2 then null else rank end,
             error = case when starts >= $2 then $3 else error end,
             finished_ms = case when starts >= $2 then $1 else null end
         where state = 'running' and rank is not null and lease_ms < $1",
    )
    .bind(now)
    .bind(MAX_STARTS)
    .bind(CRASHED)
    .execute()
    .await
}

/// Says that the holder of these claims lives.
pub(crate) async fn extend(tx: &mut Tx, claims: &[i64], lease_until: Time) -> Result<()> {
    let (sql, claims) = one_of(
        tx,
        claims,
        "update jobs set lease_ms = $2 where state = 'running' and rank is not null
             and claim in (select value from json_each($1))",
        "update jobs set lease_ms = $2 where state = 'running' and rank is not null and claim = any($1)",
    );
    tx.system(sql).bind(claims).bind(lease_until).execute().await.map(drop)
}

/// Ends many entries in the same way. Those that another claimer took meanwhile stay as they are.
pub(crate) async fn finish_many(tx: &mut Tx, claim: i64, seqs: &[Seq], state: State, now: Time) -> Result<u64> {
    let (sql, seqs) = one_of(
        tx,
        seqs,
        "update jobs set state = $3, rank = null, claim = null, lease_ms = null, starts = 0, attempts = attempts + 1,
             finished_ms = $4, error = null, payload = null
         where seq in (select value from json_each($1)) and claim = $2 and state = 'running'",
        "update jobs set state = $3, rank = null, claim = null, lease_ms = null, starts = 0, attempts = attempts + 1,
             finished_ms = $4, error = null, payload = null
         where seq = any($1) and claim = $2 and state = 'running'",
    );
    tx.system(sql).bind(seqs).bind(claim).bind(state.as_str()).bind(now).execute().await
}

/// Ends one entry, in the handler's own transaction. False when the claim was lost: then nothing may be kept.
pub(crate) async fn finish(tx: &mut Tx, claim: i64, seq: Seq, state: State, now: Time) -> Result<bool> {
    let changed = tx
        .system(
            "update jobs set state = $3, rank = null, claim = null, lease_ms = null, starts = 0,
                 attempts = attempts + 1, finished_ms = $4, error = null
             where seq = $1 and claim = $2 and state = 'running'",
        )
        .bind(seq)
        .bind(claim)
        .bind(state.as_str())
        .bind(now)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Notes a failed attempt: another one at `next`, or the end.
pub(crate) async fn fail(tx: &mut Tx, claim: i64, seq: Seq, next: Option<Time>, error: &str, now: Time) -> Result<()> {
    tx.system(
        "update jobs set state = $3, rank = $4, claim = null, lease_ms = null, starts = 0, attempts = attempts + 1,
             finished_ms = $5, error = $6
         where seq = $1 and claim = $2 and state = 'running'",
    )
    .bind(seq)
    .bind(claim)
    .bind(if next.is_some() { State::Scheduled.as_str() } else { State::Dead.as_str() })
    .bind(next.map(micros))
    .bind(next.is_none().then_some(now))
    .bind(error)
    .execute()
    .await
    .map(drop)
}

/// Gives back what was taken and not begun.
pub(crate) async fn release(tx: &mut Tx, claim: i64, seqs: &[Seq]) -> Result<()> {
    let (sql, seqs) = one_of(
        tx,
        seqs,
        "update jobs set state = 'ready', claim = null, lease_ms = null, starts = starts - 1
         where seq in (select value from json_each($1)) and claim = $2 and state = 'running'",
        "update jobs set state = 'ready', claim = null, lease_ms = null, starts = starts - 1
         where seq = any($1) and claim = $2 and state = 'running'",
    );
    tx.system(sql).bind(seqs).bind(claim).execute().await.map(drop)
}

/// Puts entries back into the queue as if they were new.
pub(crate) async fn requeue(tx: &mut Tx, seqs: &[Seq], now: Time) -> Result<u64> {
    let (sql, seqs) = one_of(
        tx,
        seqs,
        "update jobs set state = 'ready', rank = $2, attempts = 0, starts = 0, error = null, finished_ms = null
         where seq in (select value from json_each($1)) and rank is null",
        "update jobs set state = 'ready', rank = $2, attempts = 0, starts = 0, error = null, finished_ms = null
         where seq = any($1) and rank is null",
    );
    tx.system(sql).bind(seqs).bind(micros(now)).execute().await
}

/// The text for this engine, and a list as that engine takes it.
pub(crate) fn one_of(
    tx: &Tx,
    numbers: &[i64],
    sqlite: &'static str,
    postgres: &'static str,
) -> (&'static str, store::Value) {
    match tx.engine() {
        Engine::Sqlite => (sqlite, json(numbers).into()),
        Engine::Postgres => (postgres, numbers.to_vec().into()),
    }
}

fn json(numbers: &[i64]) -> String {
    let list: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    format!("[{}]", list.join(","))
}

/// The unit of ranks.
pub(crate) fn micros(at: Time) -> i64 {
    at.ms().saturating_mul(1000)
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
        })
    }
}
