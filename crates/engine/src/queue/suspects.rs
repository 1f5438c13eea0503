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

use super::{
    Known,
    claim::{COLUMNS, ClaimRequest, Claimed, lock_claims},
    known::is_known,
};

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

/// Takes back what nodes held that are registered no more. Entries that a release without nodes claimed have a lease of
/// their own; `clock` is the database's time, as an expression.
pub(crate) async fn reap(tx: &mut Tx, clock: &str, now: Time) -> Result<u64> {
    tx.system_built(format!(
        "update jobs set claim = null, node = null, lease_ms = null,
             state = case when state = 'cancelling' then 'cancelled' when starts >= $2 then 'dead' else 'suspect' end,
             rank = case when state = 'cancelling' or starts >= $2 then null else rank end,
             error = case when state = 'running' and starts >= $2 then $3 else error end,
             finished_ms = case when state = 'cancelling' or starts >= $2 then $1 else finished_ms end
         where state in ('running', 'cancelling') and rank is not null
             and case when node is null then coalesce(lease_ms, 0) <= {clock}
                 else not exists (select 1 from nodes where nodes.node = jobs.node) end"
    ))
    .bind(now)
    .bind(MAX_STARTS)
    .bind(PARKED)
    .execute()
    .await
}

/// The suspects that are next in their lanes and that a node can run: one of each lane at most.
fn next(tx: &Tx, known: u8) -> String {
    let is_known = is_known(tx, known);
    format!(
        "select s.seq, s.starts, s.rank from jobs s where s.state = 'suspect' and s.rank is not null and {is_known}
             and (s.lane is null or not exists (
                 select 1 from jobs o where o.lane = s.lane and o.rank is not null
                     and (o.state in ('running', 'cancelling') or o.seq < s.seq)))"
    )
}

/// Whether this node could run a suspect.
pub(crate) async fn any(tx: &mut Tx, known: &Known) -> Result<bool> {
    let next = next(tx, 1);
    Ok(tx.system_built(format!("{next} limit 1")).bind(known.to_parameter()).row().await?.is_some())
}

/// Takes the suspect that was started most often, or a group of those that were started once.
pub(crate) async fn claim(tx: &mut Tx, request: &ClaimRequest) -> Result<Vec<Claimed>> {
    lock_claims(tx).await?;
    let next = next(tx, 5);
    let mut claimed: Vec<Claimed> = tx
        .system_built(format!(
            "with suspects as materialized ({next})
             update jobs set state = 'running', claim = $1, node = $2, starts = starts + 1
             where state = 'suspect' and seq in (
                 select seq from suspects order by starts desc, rank, seq
                 limit case when (select max(starts) from suspects) >= $4 then 1 else $3 end)
             returning {COLUMNS}"
        ))
        .bind(request.claim)
        .bind(request.node)
        .bind(request.limit.min(GROUP))
        .bind(ALONE_FROM)
        .bind(request.known.to_parameter())
        .all()
        .await?;
    claimed.sort_unstable_by_key(|entry| entry.seq);
    Ok(claimed)
}
