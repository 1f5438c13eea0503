//! What is forgotten, and when: in small batches, so that nobody waits for it.

use std::time::Duration;

use kernel::{Result, Scope, Time};
use store::{Db, Isolation};

/// Rows in one transaction.
const BATCH: i64 = 500;
/// Ended jobs are shown for so long.
const JOBS: Duration = Duration::from_secs(7 * 86_400);

/// Drops the bodies and headers of events that were handled before `now - bodies`, and ended jobs. The events
/// themselves stay: their ids are what recognises a repetition. Tells how many bodies went.
///
/// # Errors
/// What the database says; what was dropped until then stays dropped.
pub async fn retain(db: &Db, now: Time, bodies: Duration) -> Result<u64> {
    let mut dropped = 0;
    let mut after = 0;
    loop {
        let (last, count) = drop_bodies(db, after, now - bodies).await?;
        dropped += count;
        let Some(last) = last else { break };
        after = last;
    }
    while drop_jobs(db, now - JOBS).await? == u64::try_from(BATCH).unwrap_or(0) {}
    Ok(dropped)
}

/// Looks at the next events in order of arrival. The last number it looked at; none when all that is left is younger.
async fn drop_bodies(db: &Db, after: i64, before: Time) -> Result<(Option<i64>, u64)> {
    let write = store::work(move |tx| {
        Box::pin(async move {
            let seen = tx
                .system("select max(seq) as last from (select seq from inbox_events where seq > $1 and received_ms < $2 order by seq limit $3) as old")
                .bind(after)
                .bind(before)
                .bind(BATCH)
                .row()
                .await?;
            let Some(last) = seen.map(|row| row.opt_int("last")).transpose()?.flatten() else { return Ok((None, 0)) };
            let dropped = tx
                .system(
                    "update inbox_events set body = null, headers = null
                     where seq > $1 and seq <= $2 and received_ms < $3 and body is not null and exists (
                         select 1 from jobs j where j.seq = inbox_events.seq and j.state in ('processed', 'ignored'))",
                )
                .bind(after)
                .bind(last)
                .bind(before)
                .execute()
                .await?;
            Ok((Some(last), dropped))
        })
    });
    db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
}

async fn drop_jobs(db: &Db, before: Time) -> Result<u64> {
    let write = store::work(move |tx| {
        Box::pin(async move {
            tx.system(
                "delete from jobs where seq in (
                     select seq from jobs where kind <> 'event' and finished_ms is not null and finished_ms < $1
                         and state in ('processed', 'cancelled')
                     order by finished_ms limit $2)",
            )
            .bind(before)
            .bind(BATCH)
            .execute()
            .await
        })
    });
    db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
}
