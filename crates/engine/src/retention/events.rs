//! Sweeps over the inbox: first the bodies of events that were handled, later the events themselves.
//!
//! Events are numbered in the order in which they arrived, so both walk by number from where the last pass ended, and look at
//! every event once.

use std::time::Duration;

use kernel::{Result, Scope, Time};
use store::{Engine, Isolation, Row, Tx};

use super::{BATCH, Keep, Sweep, SweepCtx, Swept, keys_json};
use crate::{
    ScopedDb,
    queue::{Seq, hash},
};

/// How long bodies and headers of events are kept that were handled.
const BODIES: Keep = Keep::days("TRUNKLINE_INBOX_RETENTION", 30);
/// How long events are kept, however they ended. A repetition after that is a new event.
const EVENTS: Keep = Keep::days("TRUNKLINE_EVENT_RETENTION", 90);
/// How often the events are looked at again that were still to be done when they were old enough.
const AGAIN: Duration = Duration::from_secs(86_400);

/// Up to which number the bodies of events that were handled are gone.
const BODIES_DONE: &str = "inbox_bodies_dropped";
/// Up to which number events that ended are gone.
pub(crate) const FORGOTTEN: &str = "inbox_events_forgotten";
/// Up to which number events were looked at since the walk began anew.
const WALKED: &str = "inbox_events_walked";
/// When the walk began anew.
const BEGAN: &str = "inbox_events_begun";

pub(super) fn sweeps() -> [Sweep; 2] {
    [Sweep::new("event-bodies", BODIES, drop_bodies), Sweep::new("events", EVENTS, forget_events)]
}

/// Empties the next few events that are old. Those that did not end well keep their bodies for as long as they are kept
/// themselves, also when they are replayed later: nobody has to come back for them.
async fn drop_bodies(ctx: SweepCtx) -> Result<Swept> {
    let Some(window) = next_old(&ctx, BODIES_DONE).await? else { return Ok(Swept::default()) };
    let write = store::work(move |tx| {
        Box::pin(async move {
            let rows = tx
                .system(
                    "update inbox_events set body = null, headers = null
                     where seq > $1 and seq <= $2 and body is not null and exists (
                         select 1 from jobs j where j.seq = inbox_events.seq and j.state in ('processed', 'ignored'))",
                )
                .bind(window.after)
                .bind(window.last)
                .execute()
                .await?;
            note(tx, BODIES_DONE, window.last).await?;
            Ok(Swept { rows, more: true })
        })
    });
    ctx.db.write_in(Isolation::ReadCommitted, &Scope::System, write).await
}

/// Deletes the next few events that are old and have ended, with everything that is kept of them.
async fn forget_events(ctx: SweepCtx) -> Result<Swept> {
    let began = position(&ctx.db, BEGAN).await?;
    if Time::from_ms(began) + AGAIN <= ctx.now {
        restart(&ctx).await?;
    }
    let Some(window) = next_old(&ctx, WALKED).await? else { return Ok(Swept::default()) };
    let write = store::work(move |tx| {
        Box::pin(async move {
            let rows = tx
                .system(
                    "select e.seq from inbox_events e left join jobs j on j.seq = e.seq
                     where e.seq > $1 and e.seq <= $2 and (j.seq is null
                         or j.state in ('processed', 'ignored', 'unresolved', 'dead', 'cancelled'))",
                )
                .bind(window.after)
                .bind(window.last)
                .rows()
                .await?;
            let seqs = rows.iter().map(|row| row.int("seq")).collect::<Result<Vec<_>>>()?;
            let rows = delete_events(tx, &seqs).await?;
            if tx.engine() == Engine::Sqlite {
                keep_keys(tx, window).await?;
            }
            note(tx, WALKED, window.last).await?;
            note_greatest(tx, FORGOTTEN, window.last).await?;
            Ok(Swept { rows, more: true })
        })
    });
    ctx.db.write_in(Isolation::Serializable, &Scope::System, write).await
}

/// Deletes events, their entries in the queue, what recognises them when they come again, and what they wait for; those that
/// are still to be done stay. Tells how many.
pub(crate) async fn delete_events(tx: &mut Tx, seqs: &[Seq]) -> Result<u64> {
    if seqs.is_empty() {
        return Ok(0);
    }
    let numbers = |seqs: &[Seq]| serde_json::json!(seqs.iter().map(|seq| [seq]).collect::<Vec<_>>()).to_string();
    let each = match tx.engine() {
        Engine::Sqlite => keys_json(Engine::Sqlite, 1, "$1"),
        Engine::Postgres => "select (value ->> 0)::bigint from json_array_elements($1::text::json)".to_owned(),
    };
    let all = numbers(seqs);
    let ended = "state in ('processed', 'ignored', 'unresolved', 'dead', 'cancelled')";
    tx.system_built(format!("delete from jobs where seq in ({each}) and {ended}")).bind(&all).execute().await?;
    let gone = tx.system_built(format!(
        "select seq, provider, connection, external_id from inbox_events e where seq in ({each})
             and not exists (select 1 from jobs j where j.seq = e.seq)"
    ));
    let gone = gone.bind(&all).rows().await?;
    if tx.engine() == Engine::Sqlite {
        let hashes = gone.iter().map(hashes_of).collect::<Result<Vec<_>>>()?.concat();
        // The number tells the keys of these events from that of another with the same hash.
        tx.system(
            "delete from event_keys where hash in (select value from json_each($1))
                 and seq in (select value from json_each($2))",
        )
        .bind(serde_json::json!(hashes).to_string())
        .bind(serde_json::json!(seqs).to_string())
        .execute()
        .await?;
    }
    let gone = numbers(&gone.iter().map(|row| row.int("seq")).collect::<Result<Vec<_>>>()?);
    tx.system_built(format!("delete from route_waits where seq in ({each})")).bind(&gone).execute().await?;
    tx.system_built(format!("delete from inbox_events where seq in ({each})")).bind(gone).execute().await
}

/// The hashes that an event may have: its own, and the second one for the case that a stranger had the first.
fn hashes_of(row: &Row) -> Result<[i64; 2]> {
    let (provider, connection, id) = (row.text("provider")?, row.text("connection")?, row.text("external_id")?);
    Ok([hash(&[&provider, &connection, &id]), hash(&["again", &provider, &connection, &id])])
}

/// Puts what recognises the events that stay into the table of keys, and deletes the batches that it may be in.
async fn keep_keys(tx: &mut Tx, window: Window) -> Result<()> {
    tx.system(
        "insert or ignore into event_keys (hash, seq)
         select hash, seq from inbox_events where seq > $1 and seq <= $2 and hash is not null",
    )
    .bind(window.after)
    .bind(window.last)
    .execute()
    .await?;
    tx.system("delete from event_batches where first_seq <= $1 and first_seq + length(hashes) / 8 <= $1 + 1")
        .bind(window.last)
        .execute()
        .await
        .map(drop)
}

/// A few events whose numbers follow one another.
#[derive(Clone, Copy)]
struct Window {
    after: Seq,
    last: Seq,
}

/// The next events that are all old; none when the next one is not.
async fn next_old(ctx: &SweepCtx, cursor: &'static str) -> Result<Option<Window>> {
    let (after, before) = (position(&ctx.db, cursor).await?, ctx.before);
    let next = ctx.db.read_in(&Scope::System, |tx| {
        Box::pin(async move {
            tx.system(
                "select max(seq) as last, min(case when received_ms >= $3 then seq end) as young from (
                     select seq, received_ms from inbox_events where seq > $1 order by seq limit $2) as next",
            )
            .bind(after)
            .bind(BATCH)
            .bind(before)
            .row()
            .await
        })
    });
    let Some(row) = next.await? else { return Ok(None) };
    let last = match row.opt_int("young")? {
        Some(young) => Some(young - 1),
        None => row.opt_int("last")?,
    };
    Ok(last.filter(|last| *last > after).map(|last| Window { after, last }))
}

async fn position(db: &ScopedDb, name: &'static str) -> Result<i64> {
    let read = db.read_in(&Scope::System, |tx| {
        Box::pin(async move { tx.system("select position from cursors where name = $1").bind(name).row().await })
    });
    read.await?.map_or(Ok(0), |row| row.int("position"))
}

async fn note(tx: &mut Tx, name: &'static str, position: i64) -> Result<()> {
    tx.system(
        "insert into cursors (name, position) values ($1, $2) on conflict (name) do update set position = excluded.position",
    )
    .bind(name)
    .bind(position)
    .execute()
    .await
    .map(drop)
}

async fn note_greatest(tx: &mut Tx, name: &'static str, position: i64) -> Result<()> {
    tx.system(
        "insert into cursors (name, position) values ($1, $2) on conflict (name) do update set position = excluded.position
         where excluded.position > cursors.position",
    )
    .bind(name)
    .bind(position)
    .execute()
    .await
    .map(drop)
}

async fn restart(ctx: &SweepCtx) -> Result<()> {
    let now = ctx.now.ms();
    let write = store::work(move |tx| {
        Box::pin(async move {
            note(tx, BEGAN, now).await?;
            note(tx, WALKED, 0).await
        })
    });
    ctx.db.write_in(Isolation::ReadCommitted, &Scope::System, write).await
}
