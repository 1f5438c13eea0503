//! The statements that move an entry from one state to the next, beside the claim and what becomes of suspects.
//!
//! A claim is a number that only one claimer has; whoever writes the end of a run must still hold it. All of these are
//! right by row locks and the claim, so they run outside of serializable transactions, or inside a handler's own.

use kernel::{OrgId, Result, Time};
use store::{Engine, Tx};

use super::{Known, Seq, State, known::is_known};
use crate::nodes::NodeNumber;

/// What there is to do for a node, at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Something scheduled is due.
    pub due: bool,
    /// Something waits for a place in its limit.
    pub throttled: bool,
    /// Something is ready.
    pub ready: bool,
    /// Something was running when its process died.
    pub suspect: bool,
}

/// Looks what there is to do. It is a read, and cheap: a node that has nothing to do looks a few times a second.
pub(crate) async fn work(tx: &mut Tx, now: Time) -> Result<Work> {
    let row = tx
        .system(
            "select
                 case when exists (select 1 from jobs where state = 'scheduled' and rank is not null and rank <= $1)
                     then 1 else 0 end as due,
                 case when exists (select 1 from jobs where state = 'throttled') then 1 else 0 end as throttled,
                 case when exists (select 1 from jobs where state = 'ready' and rank is not null)
                     then 1 else 0 end as ready,
                 case when exists (select 1 from jobs where state = 'suspect' and rank is not null)
                     then 1 else 0 end as suspect",
        )
        .bind(micros(now))
        .row()
        .await?;
    let Some(row) = row else { return Ok(Work::default()) };
    Ok(Work {
        due: row.bool("due")?,
        throttled: row.bool("throttled")?,
        ready: row.bool("ready")?,
        suspect: row.bool("suspect")?,
    })
}

/// Whether anything is ready that this node could run, now or when something else has ended.
pub(crate) async fn has_ready(tx: &mut Tx, known: &Known) -> Result<bool> {
    let is_known = is_known(tx, 1);
    let query = tx.system_built(format!(
        "select seq from jobs where state = 'ready' and rank is not null and {is_known} order by rank, seq limit 1"
    ));
    Ok(query.bind(known.to_parameter()).row().await?.is_some())
}

/// Ends many entries in the same way. Those that another claimer took meanwhile stay as they are; those that were told to
/// stop end as cancelled, and keep what a retry needs.
pub(crate) async fn finish_many(tx: &mut Tx, claim: i64, seqs: &[Seq], state: State, now: Time) -> Result<u64> {
    let (is_one, seqs) = one_of(tx, seqs, "seq in (select value from json_each($1))", "seq = any($1)");
    tx.system_built(format!(
        "update jobs set state = case when state = 'cancelling' then 'cancelled' else $3 end,
             payload = case when state = 'cancelling' then payload end,
             attempts = case when state = 'cancelling' then attempts else attempts + 1 end,
             rank = null, claim = null, node = null, starts = 0, finished_ms = $4, error = null
         where {is_one} and claim = $2 and state in ('running', 'cancelling')"
    ))
    .bind(seqs)
    .bind(claim)
    .bind(state.as_str())
    .bind(now)
    .execute()
    .await
}

/// Ends entries in the transaction of their handlers. False when the claim of one was lost: then nothing may be kept.
///
/// An event notes whose it turned out to be, so that it is found when the organization is erased.
pub(crate) async fn finish(
    tx: &mut Tx,
    claim: i64,
    seqs: &[Seq],
    state: State,
    organization: Option<&OrgId>,
    now: Time,
) -> Result<bool> {
    let (sql, list) = one_of(
        tx,
        seqs,
        "update jobs set state = $3, rank = null, claim = null, node = null, starts = 0,
             attempts = attempts + 1, finished_ms = $4, error = null, organization = coalesce($5, organization)
         where seq in (select value from json_each($1)) and claim = $2 and state = 'running' returning kind",
        // An update would first look the row up in the index, and in a serializable transaction that look counts as
        // having read every entry of the same index page, which are the entries that its neighbours end at the same
        // moment. The look of `on conflict` does not count. A row that was deleted meanwhile, as when its organization is
        // erased, is inserted without a kind: that is a lost claim, and the caller undoes the transaction.
        "insert into jobs (seq, kind, state, max_attempts, created_ms)
         select seq, '', '', 0, 0 from unnest($1::bigint[]) as seq
         on conflict (seq) do update set state = $3, rank = null, claim = null, node = null, starts = 0,
             attempts = jobs.attempts + 1, finished_ms = $4, error = null,
             organization = coalesce($5, jobs.organization)
         where jobs.claim = $2 and jobs.state = 'running' returning kind",
    );
    let finish = tx.system(sql).bind(list).bind(claim).bind(state.as_str()).bind(now).bind(organization);
    let mut ended = 0;
    for row in finish.rows().await? {
        ended += usize::from(!row.text("kind")?.is_empty());
    }
    Ok(ended == seqs.len())
}

/// How a run that did not succeed is noted.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// When it runs again; never, where it is given up.
    pub next: Option<Time>,
    /// Whether it was an attempt, which are counted.
    pub counts: bool,
    /// For those who look at the list; none where nothing went wrong.
    pub error: Option<String>,
}

/// Notes a run that did not succeed. One that was told to stop ends as cancelled.
pub(crate) async fn fail(tx: &mut Tx, claim: i64, seq: Seq, failure: &Failure, now: Time) -> Result<()> {
    let next = failure.next;
    tx.system(
        "update jobs set state = case when state = 'cancelling' then 'cancelled' else $3 end,
             rank = case when state = 'cancelling' then null else $4 end,
             finished_ms = case when state = 'cancelling' then $7 else $5 end,
             claim = null, node = null, starts = 0, attempts = attempts + $8, error = $6
         where seq = $1 and claim = $2 and state in ('running', 'cancelling')",
    )
    .bind(seq)
    .bind(claim)
    .bind(if next.is_some() { State::Scheduled.as_str() } else { State::Dead.as_str() })
    .bind(next.map(micros))
    .bind(next.is_none().then_some(now))
    .bind(failure.error.as_deref())
    .bind(now)
    .bind(i64::from(failure.counts))
    .execute()
    .await
    .map(drop)
}

/// Ends a run that gave up because its entry was cancelled. Does nothing where another claimer has the entry.
pub(crate) async fn end_cancelled(tx: &mut Tx, claim: i64, seq: Seq, now: Time) -> Result<()> {
    tx.system(
        "update jobs set state = 'cancelled', rank = null, claim = null, node = null, starts = 0, finished_ms = $3
         where seq = $1 and claim = $2 and state = 'cancelling'",
    )
    .bind(seq)
    .bind(claim)
    .bind(now)
    .execute()
    .await
    .map(drop)
}

/// What becomes of an entry that was claimed and not begun, at `$3`. One that had been started before was a suspect.
const BACK: &str = "claim = null, node = null, starts = starts - 1,
     state = case when state = 'cancelling' then 'cancelled' when starts > 1 then 'suspect' else 'ready' end,
     rank = case when state = 'cancelling' then null else rank end,
     finished_ms = case when state = 'cancelling' then $3 else finished_ms end";

/// Gives back what was claimed and not begun: a suspect as a suspect.
pub(crate) async fn release(tx: &mut Tx, claim: i64, seqs: &[Seq], now: Time) -> Result<u64> {
    let (is_one, seqs) = one_of(tx, seqs, "seq in (select value from json_each($1))", "seq = any($1)");
    tx.system_built(format!(
        "update jobs set {BACK} where {is_one} and claim = $2 and state in ('running', 'cancelling')"
    ))
    .bind(seqs)
    .bind(claim)
    .bind(now)
    .execute()
    .await
}

/// Gives back what this node claimed without hearing of it, because the database went away meanwhile: what has its number, and
/// none of the claims that it knows of.
pub(crate) async fn release_unheard(tx: &mut Tx, node: NodeNumber, claims: &[i64], now: Time) -> Result<u64> {
    let (is_known, claims) = one_of(tx, claims, "claim in (select value from json_each($1))", "claim = any($1)");
    tx.system_built(format!(
        "update jobs set {BACK}
         where state in ('running', 'cancelling') and rank is not null and node = $2 and not ({is_known})"
    ))
    .bind(claims)
    .bind(node)
    .bind(now)
    .execute()
    .await
}

/// Puts entries that have ended back into the queue as if they were new. They are ranked when they are promoted, by
/// their tenants' shares.
pub(crate) async fn requeue(tx: &mut Tx, seqs: &[Seq], now: Time) -> Result<u64> {
    let (is_one, seqs) = one_of(tx, seqs, "seq in (select value from json_each($1))", "seq = any($1)");
    tx.system_built(format!(
        "update jobs set state = 'scheduled', rank = $2, attempts = 0, starts = 0, error = null, finished_ms = null,
             provider = case when kind = 'event' and provider = '' then coalesce((
                 select e.provider from inbox_events e where e.seq = jobs.seq), '') else provider end
         where {is_one} and rank is null"
    ))
    .bind(seqs)
    .bind(micros(now))
    .execute()
    .await
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

/// What transactions of PostgreSQL set that walk along the queue, in a `select`.
///
/// A node that freezes in the middle of one holds up others for two seconds: then PostgreSQL ends its session. And an index
/// is walked in its order, which ends after a few entries: after the queue has grown fast the statistics still tell of few,
/// and the planner would rather read and sort all of it.
pub(super) const WALKING: &str = "set_config('idle_in_transaction_session_timeout', '2s', true),
     set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)";

/// Lets this transaction walk along the queue.
pub(super) async fn walk(tx: &mut Tx) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        tx.system_built(format!("select {WALKING}")).rows().await?;
    }
    Ok(())
}

/// Takes the lock of this number until the transaction ends. False when another node has it. On SQLite there is one writer,
/// which needs no lock.
pub(super) async fn try_lock(tx: &mut Tx, number: i64) -> Result<bool> {
    if tx.engine() == Engine::Sqlite {
        return Ok(true);
    }
    let row = tx
        .system_built(format!(
            "select {WALKING}, case when pg_try_advisory_xact_lock($1) then 1 else 0 end::bigint as locked"
        ))
        .bind(number)
        .row()
        .await?;
    row.map_or(Ok(false), |row| row.bool("locked"))
}

/// The unit of ranks.
pub(crate) fn micros(at: Time) -> i64 {
    at.ms().saturating_mul(1000)
}
