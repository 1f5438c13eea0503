//! What is forgotten, and when: in small batches, so that nobody waits for it.

use std::time::Duration;

use kernel::{Result, Scope, Time};
use store::{Db, Isolation};

use crate::{operation::forget, queue::Seq};

/// Rows in one transaction.
const BATCH: i64 = 500;
/// Ended jobs are shown for so long.
const JOBS: Duration = Duration::from_secs(7 * 86_400);

/// Drops the bodies and headers of events that were handled before `now - bodies`, ended jobs, and answers that no client
/// asks for again. The events
/// themselves stay: their ids are what recognises a repetition. Tells how many bodies went.
///
/// A pass begins where the last one met the first body that it had to keep, so that it never walks through what is
/// long done.
///
/// # Errors
/// What the database says; what was dropped until then stays dropped.
pub async fn retain(db: &Db, now: Time, bodies: Duration) -> Result<u64> {
    let before = now - bodies;
    let (mut dropped, mut after, mut nothing_kept) = (0, done_until(db).await?, true);
    while let Some(last) = next_old(db, after, before).await? {
        let (count, first_kept) = drop_bodies(db, after, last, before).await?;
        dropped += count;
        if nothing_kept {
            note_done(db, first_kept.map_or(last, |seq| seq - 1)).await?;
            nothing_kept = first_kept.is_none();
        }
        after = last;
    }
    let full = u64::try_from(BATCH).unwrap_or(0);
    while drop_jobs(db, now - JOBS).await? == full {}
    while forget_replays(db, now).await? == full {}
    Ok(dropped)
}

/// Where passes are remembered.
const CURSOR: &str = "inbox_bodies";

async fn done_until(db: &Db) -> Result<Seq> {
    let read = db.read(&Scope::System, |tx| {
        Box::pin(async move { tx.system("select position from cursors where name = $1").bind(CURSOR).row().await })
    });
    read.await?.map_or(Ok(0), |row| row.int("position"))
}

async fn note_done(db: &Db, position: Seq) -> Result<()> {
    let write = store::work(move |tx| {
        Box::pin(async move {
            tx.system(
                "insert into cursors (name, position) values ($1, $2)
                 on conflict (name) do update set position = excluded.position",
            )
            .bind(CURSOR)
            .bind(position)
            .execute()
            .await
            .map(drop)
        })
    });
    db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
}

/// The last of the next few events; none when they are all younger, or there are none.
async fn next_old(db: &Db, after: Seq, before: Time) -> Result<Option<Seq>> {
    let next = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            tx.system(
                "select max(seq) as last, min(received_ms) as oldest_ms from (
                     select seq, received_ms from inbox_events where seq > $1 order by seq limit $2) as next",
            )
            .bind(after)
            .bind(BATCH)
            .row()
            .await
        })
    });
    let Some(row) = next.await? else { return Ok(None) };
    let old = row.opt_time("oldest_ms")?.is_some_and(|oldest| oldest < before);
    Ok(row.opt_int("last")?.filter(|_| old))
}

/// Drops what may go among these events: how many bodies went, and the first that stayed.
async fn drop_bodies(db: &Db, after: Seq, last: Seq, before: Time) -> Result<(u64, Option<Seq>)> {
    let write = store::work(move |tx| {
        Box::pin(async move {
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
            let kept = tx
                .system("select min(seq) as first from inbox_events where seq > $1 and seq <= $2 and body is not null")
                .bind(after)
                .bind(last)
                .row()
                .await?;
            Ok((dropped, kept.map_or(Ok(None), |row| row.opt_int("first"))?))
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

async fn forget_replays(db: &Db, now: Time) -> Result<u64> {
    let write = store::work(move |tx| Box::pin(forget(tx, now, BATCH)));
    db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
}
