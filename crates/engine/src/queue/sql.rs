//! The statements that move an entry from one state to the next, beside the claim and what becomes of suspects.
//!
//! A claim is a number that only one claimer has; whoever writes the end of a run must still hold it. All of these are
//! right by row locks and the claim, so they run outside of serializable transactions, or inside a handler's own.

use kernel::{Result, Time};
use store::{Engine, Tx};

use super::{Seq, State};

/// How many scheduled entries become ready at once.
const PROMOTE: i64 = 1000;

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
    // Whoever had been started before was a suspect.
    let (sql, seqs) = one_of(
        tx,
        seqs,
        "update jobs set claim = null, lease_ms = null, starts = starts - 1,
             state = case when starts > 1 then 'suspect' else 'ready' end
         where seq in (select value from json_each($1)) and claim = $2 and state = 'running'",
        "update jobs set claim = null, lease_ms = null, starts = starts - 1,
             state = case when starts > 1 then 'suspect' else 'ready' end
         where seq = any($1) and claim = $2 and state = 'running'",
    );
    tx.system(sql).bind(seqs).bind(claim).execute().await
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
