//! What becomes of the entries that a process held when it died: nearly all of them are innocent, and one of them may be
//! what killed it.
//!
//! Each claim counts as a start until the entry ends in any way or is given back. Who is held at a death is a suspect:
//!
//! | starts at the death | next it runs |
//! |---|---|
//! | 1 | in a small group, with nothing beside the group |
//! | 2, 3 | alone, before everybody else |
//! | 4 | not again, until somebody puts it back |
//!
//! So an innocent entry is parked only if its process is killed by something else in each of two moments in which it
//! runs alone, the first moments of a process.

use kernel::{Result, Time};
use store::Tx;

use super::claim::{COLUMNS, Claimed, take_turns};

/// Suspects that run together.
const GROUP: i64 = 16;
/// Who was started so often without an end runs alone.
const ALONE_FROM: i64 = 2;
/// Who was started so often without an end is not started again.
const MAX_STARTS: i64 = 4;
/// What is then said of it.
const PARKED: &str = "the process died each of the 4 times that it held this, the last two times with nothing beside \
                      it: this probably kills the process. When the cause is gone, put it back with `trunkline events \
                      replay` or `trunkline jobs retry`";

/// Takes back what a process held whose lease ended before `lapsed`.
pub(crate) async fn reap(tx: &mut Tx, lapsed: Time, now: Time) -> Result<u64> {
    tx.system(
        "update jobs set claim = null, lease_ms = null,
             state = case when starts >= $3 then 'dead' else 'suspect' end,
             rank = case when starts >= $3 then null else rank end,
             error = case when starts >= $3 then $4 else error end,
             finished_ms = case when starts >= $3 then $2 else finished_ms end
         where state = 'running' and rank is not null and lease_ms < $1",
    )
    .bind(lapsed)
    .bind(now)
    .bind(MAX_STARTS)
    .bind(PARKED)
    .execute()
    .await
}

/// The suspects whose turn it is in their lanes: one of each lane at most.
const NEXT: &str = "select s.seq, s.starts, s.rank from jobs s where s.state = 'suspect' and s.rank is not null
     and (s.lane is null or not exists (
         select 1 from jobs o where o.lane = s.lane and o.rank is not null and (o.state = 'running' or o.seq < s.seq)))";

/// Whether a suspect could run.
pub(crate) async fn any(tx: &mut Tx) -> Result<bool> {
    Ok(tx.system_built(format!("{NEXT} limit 1")).row().await?.is_some())
}

/// Takes the suspect that was started most often, or a group of those that were started once.
pub(crate) async fn claim(tx: &mut Tx, limit: i64, claim: i64, lease_until: Time) -> Result<Vec<Claimed>> {
    take_turns(tx).await?;
    let mut claimed: Vec<Claimed> = tx
        .system_built(format!(
            "with suspects as materialized ({NEXT})
             update jobs set state = 'running', claim = $1, lease_ms = $2, starts = starts + 1
             where state = 'suspect' and seq in (
                 select seq from suspects order by starts desc, rank, seq
                 limit case when (select max(starts) from suspects) >= $4 then 1 else $3 end)
             returning {COLUMNS}"
        ))
        .bind(claim)
        .bind(lease_until)
        .bind(limit.min(GROUP))
        .bind(ALONE_FROM)
        .all()
        .await?;
    claimed.sort_unstable_by_key(|entry| entry.seq);
    Ok(claimed)
}
