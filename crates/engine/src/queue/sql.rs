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
    pub rank: i64,
}

/// How many scheduled entries become ready at once.
const PROMOTE: i64 = 1000;
/// After this many starts without an end, an entry is given up.
pub(crate) const MAX_STARTS: i64 = 3;
const CRASHED: &str = "it was running each time when its process ended: given up after 3 starts";

/// Makes ready what was scheduled for now or earlier.
pub(crate) async fn promote(tx: &mut Tx, now: Time) -> Result<u64> {
    tx.system(
        // The head of a lane stands before those who waited for it.
        "update jobs set state = 'ready', rank = case when lane is null then rank else coalesce((
             select min(o.rank) from jobs o
             where o.lane = jobs.lane and o.rank is not null and o.state = 'ready' and o.rank < jobs.rank), rank) end
         where seq in (
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
    /// At most so many of one tenant.
    pub share: i64,
    /// The new claim's number.
    pub claim: i64,
    /// Until when it holds without a sign of life.
    pub lease_until: Time,
    /// Tenants that have their share of this node's workers already.
    pub saturated: Vec<String>,
}

/// Entries that a claim looks at together.
const WINDOW: i64 = 1024;
/// Entries of one lane in one claim: they run one after the other, so more of them would only be held.
const OF_A_LANE: i64 = 64;

/// Takes ready entries whose lanes are free: one of each tenant in turn, each tenant's in the order of their ranks.
///
/// An entry is not taken before those ahead of it in its lane, whatever their ranks: a head that failed comes back with
/// a later rank than those who waited for it. So an entry counts with the latest rank of its lane up to itself, and one
/// that has somebody ahead of it outside of the window waits. Nothing is skipped because it is locked: whoever is ahead
/// in a lane stays ahead.
pub(crate) async fn claim(tx: &mut Tx, want: &Want) -> Result<Vec<Claimed>> {
    take_turns(tx).await?;
    let mut after = (i64::MIN, 0);
    loop {
        let mut claimed = claim_after(tx, want, after).await?;
        if !claimed.is_empty() {
            claimed.sort_unstable_by_key(|entry| entry.seq);
            return Ok(claimed);
        }
        // Everything in this window waits for something else: look behind it.
        let Some(last) = end_of_window(tx, after).await? else { return Ok(Vec::new()) };
        after = last;
    }
}

async fn claim_after(tx: &mut Tx, want: &Want, after: (i64, Seq)) -> Result<Vec<Claimed>> {
    let (sql, saturated): (_, store::Value) = match tx.engine() {
        Engine::Sqlite => (
            "with entries as materialized (
                 select seq, tenant, lane, rank from jobs where state = 'ready' and rank is not null
                     and (rank, seq) > ($6, $9) order by rank, seq limit $4),
             lanes as materialized (
                 select o.lane, max(case when o.state = 'running' then 1 else 0 end) as busy,
                     min(case when o.state = 'scheduled' or o.state = 'suspect'
                         or (o.state = 'ready' and o.seq not in (select seq from entries)) then o.seq end) as held_from
                 from jobs o where o.rank is not null
                     and o.lane in (select lane from entries where lane is not null) group by o.lane),
             free as (
                 select e.seq,
                     case when e.lane is null then e.tenant
                         else first_value(e.tenant) over (partition by e.lane order by e.seq) end as tenant,
                     case when e.lane is null then e.rank
                         else max(e.rank) over (partition by e.lane order by e.seq) end as turn_rank,
                     case when e.lane is null then 1
                         else row_number() over (partition by e.lane order by e.seq) end as place
                 from entries e left join lanes l on l.lane = e.lane
                 where e.lane is null or (l.busy = 0 and (l.held_from is null or e.seq < l.held_from))),
             turns as (
                 select seq, tenant, row_number() over (partition by tenant order by turn_rank, seq) as turn from free
                 where place <= $8 and tenant not in (select value from json_each($5)))
             update jobs set state = 'running', claim = $2, lease_ms = $3, starts = starts + 1
             where seq in (
                 select seq from turns where turn <= $7 or tenant = '' order by turn, seq limit $1)
             returning seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload, rank",
            serde_json::json!(want.saturated).to_string().into(),
        ),
        Engine::Postgres => (
            "with entries as materialized (
                 select seq, tenant, lane, rank from jobs where state = 'ready' and rank is not null
                     and (rank, seq) > ($6, $9) order by rank, seq limit $4),
             lanes as materialized (
                 select o.lane, max(case when o.state = 'running' then 1 else 0 end) as busy,
                     min(case when o.state = 'scheduled' or o.state = 'suspect'
                         or (o.state = 'ready' and o.seq not in (select seq from entries)) then o.seq end) as held_from
                 from jobs o where o.rank is not null
                     and o.lane in (select lane from entries where lane is not null) group by o.lane),
             free as (
                 select e.seq,
                     case when e.lane is null then e.tenant
                         else first_value(e.tenant) over (partition by e.lane order by e.seq) end as tenant,
                     case when e.lane is null then e.rank
                         else max(e.rank) over (partition by e.lane order by e.seq) end as turn_rank,
                     case when e.lane is null then 1
                         else row_number() over (partition by e.lane order by e.seq) end as place
                 from entries e left join lanes l on l.lane = e.lane
                 where e.lane is null or (l.busy = 0 and (l.held_from is null or e.seq < l.held_from))),
             turns as (
                 select seq, tenant, row_number() over (partition by tenant order by turn_rank, seq) as turn from free
                 where place <= $8 and tenant <> all($5)),
             picked as (
                 select seq from jobs where state = 'ready' and seq in (
                     select seq from turns where turn <= $7 or tenant = '' order by turn, seq limit $1)
                 for update)
             update jobs set state = 'running', claim = $2, lease_ms = $3, starts = starts + 1
             from picked where jobs.seq = picked.seq
             returning jobs.seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload, rank",
            want.saturated.clone().into(),
        ),
    };
    let query = tx.system(sql).bind(want.limit).bind(want.claim).bind(want.lease_until).bind(WINDOW).bind(saturated);
    query.bind(after.0).bind(want.share).bind(OF_A_LANE).bind(after.1).all().await
}

/// Where the window after `after` ends; none when the queue ends in it.
async fn end_of_window(tx: &mut Tx, after: (i64, Seq)) -> Result<Option<(i64, Seq)>> {
    let row = tx
        .system(
            "select rank, seq from jobs where state = 'ready' and rank is not null and (rank, seq) > ($1, $2)
             order by rank, seq limit 1 offset $3",
        )
        .bind(after.0)
        .bind(after.1)
        .bind(WINDOW - 1)
        .row()
        .await?;
    row.map(|row| Ok((row.int("rank")?, row.int("seq")?))).transpose()
}

/// Claimers of all nodes go one after the other: a lane that one of them took is seen as taken by the next.
async fn take_turns(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        tx.system("select pg_advisory_xact_lock(7308628)").rows().await?;
    }
    Ok(())
}

/// The first suspect whose turn it is in its lane.
const SUSPECT: &str = "select s.seq from jobs s where s.state = 'suspect' and s.rank is not null
     and (s.lane is null or not exists (
         select 1 from jobs o where o.lane = s.lane and o.rank is not null and (o.state = 'running' or o.seq < s.seq)))
     order by s.rank limit 1";

/// Takes one suspect, to run it with nothing beside it.
pub(crate) async fn claim_suspect(tx: &mut Tx, claim: i64, lease_until: Time) -> Result<Option<Claimed>> {
    take_turns(tx).await?;
    tx.system_built(format!(
        "update jobs set state = 'running', claim = $1, lease_ms = $2, starts = starts + 1 where seq = ({SUSPECT})
         returning seq, kind, version, tenant, organization, lane, attempts, max_attempts, payload, rank"
    ))
    .bind(claim)
    .bind(lease_until)
    .optional()
    .await
}

/// Whether a suspect waits to be run alone.
pub(crate) async fn has_suspects(tx: &mut Tx) -> Result<bool> {
    Ok(tx.system(SUSPECT).row().await?.is_some())
}

/// Whether anything is ready that could not be taken.
pub(crate) async fn has_ready(tx: &mut Tx) -> Result<bool> {
    let row = tx.system("select seq from jobs where state = 'ready' and rank is not null limit 1").row().await?;
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

/// Takes back what a process held whose lease ended before `lapsed`.
pub(crate) async fn reap(tx: &mut Tx, lapsed: Time, now: Time) -> Result<u64> {
    tx.system(
        "update jobs set claim = null, lease_ms = null,
             state = case when starts >= $3 then 'dead' when starts = $3 - 1 then 'suspect' else 'ready' end,
             rank = case when starts >= $3 then null else rank end,
             error = case when starts >= $3 then $4 else error end,
             finished_ms = case when starts >= $3 then $2 else finished_ms end
         where state = 'running' and rank is not null and lease_ms < $1",
    )
    .bind(lapsed)
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
    let sql = match tx.engine() {
        Engine::Sqlite => {
            "update jobs set state = $3, rank = null, claim = null, lease_ms = null, starts = 0,
                 attempts = attempts + 1, finished_ms = $4, error = null
             where seq = $1 and claim = $2 and state = 'running'"
        }
        // The row is always there: nothing is ever inserted. An update would first look it up in the index, and in a
        // serializable transaction that look counts as having read every entry of the same index page, which are the
        // entries that its neighbours end at the same moment. The look of `on conflict` does not count.
        Engine::Postgres => {
            "insert into jobs (seq, kind, state, max_attempts, created_ms) values ($1, '', '', 0, 0)
             on conflict (seq) do update set state = $3, rank = null, claim = null, lease_ms = null, starts = 0,
                 attempts = jobs.attempts + 1, finished_ms = $4, error = null
             where jobs.claim = $2 and jobs.state = 'running'"
        }
    };
    let changed = tx.system(sql).bind(seq).bind(claim).bind(state.as_str()).bind(now).execute().await?;
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

/// Gives back what was taken and not begun: a suspect as a suspect.
pub(crate) async fn release(tx: &mut Tx, claim: i64, seqs: &[Seq]) -> Result<u64> {
    let (sql, seqs) = one_of(
        tx,
        seqs,
        "update jobs set claim = null, lease_ms = null, starts = starts - 1,
             state = case when starts >= $3 then 'suspect' else 'ready' end
         where seq in (select value from json_each($1)) and claim = $2 and state = 'running'",
        "update jobs set claim = null, lease_ms = null, starts = starts - 1,
             state = case when starts >= $3 then 'suspect' else 'ready' end
         where seq = any($1) and claim = $2 and state = 'running'",
    );
    tx.system(sql).bind(seqs).bind(claim).bind(MAX_STARTS).execute().await
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
            rank: row.int("rank")?,
        })
    }
}
