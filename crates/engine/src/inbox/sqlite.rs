//! The inbox's statements on SQLite: a batch of any size is two round trips.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use kernel::{Error, Result};
use store::Tx;

use super::{
    new_event::{Inserted, MAX_ATTEMPTS, NewEvent, StoredEvent},
    recent::{RecentHashes, TransferRun, lock, packed},
};
use crate::{queue::Seq, retention::FORGOTTEN};

/// Hashes that move for each event that comes: they are done long before the next ones are too many.
const PACE: usize = 2;

/// Writes the events that are new, with their jobs.
///
/// There is one writer, so what is new is looked up first: SQLite is slower at telling what an insert did.
pub(super) async fn insert(tx: &mut Tx, recent: &Mutex<RecentHashes>, events: &[Arc<NewEvent>]) -> Result<Inserted> {
    let (old, last) = look_up(tx, recent, events).await?;
    let fresh: Vec<_> = {
        let recent = lock(recent);
        let fresh = |event: &&Arc<NewEvent>| !old.contains(&event.hash) && recent.get(event.hash).is_none();
        (last + 1..).zip(events.iter().filter(fresh)).collect()
    };
    if fresh.is_empty() {
        return Ok(Inserted { fresh: HashMap::new(), moved: 0 });
    }
    let run = lock(recent).next_run(PACE * fresh.len());
    write(tx, &fresh, &run).await?;
    Ok(Inserted { fresh: fresh.iter().map(|(seq, event)| (event.hash, *seq)).collect(), moved: run.keys.len() })
}

/// Reads the batches that are not in memory yet, and tells which of these hashes are in the table of keys, and the last number that was given.
async fn look_up(tx: &mut Tx, recent: &Mutex<RecentHashes>, events: &[Arc<NewEvent>]) -> Result<(Vec<i64>, Seq)> {
    let hashes: Vec<_> = events.iter().map(|event| event.hash).collect();
    let read_until = lock(recent).read_until();
    let rows = tx
        .system(
            "select seq as last, null as hash, null as hashes, null as forgotten from sqlite_sequence where name = 'jobs'
             union all select null, hash, null, null from event_keys where hash in (select value from json_each($1))
             union all select first_seq, null, hashes, null from event_batches where first_seq > $2
             union all select null, null, null, position from cursors where name = $3",
        )
        .bind(json(&hashes)?)
        .bind(read_until)
        .bind(FORGOTTEN)
        .rows()
        .await?;
    let (mut old, mut last) = (Vec::new(), 0);
    let mut recent = lock(recent);
    for row in rows {
        match (row.opt_int("last")?, row.opt_int("hash")?, row.opt_blob("hashes")?) {
            (Some(first), _, Some(hashes)) => recent.add(first, &hashes),
            (Some(number), _, None) => last = number,
            (None, None, _) => recent.forget(row.opt_int("forgotten")?.unwrap_or_default()),
            (None, hash, _) => old.extend(hash),
        }
    }
    Ok((old, last))
}

/// The rows go in as one JSON text, the bodies as one blob that the statement cuts: a few values whatever the batch. And
/// several statements in one text: going to SQLite's thread and back costs as much as a few rows.
async fn write(tx: &mut Tx, fresh: &[(Seq, &Arc<NewEvent>)], run: &TransferRun) -> Result<()> {
    let jobs: Vec<_> = fresh
        .iter()
        .map(|(seq, e)| {
            let finished = e.rank.is_none().then_some(e.received_at);
            (seq, &e.tenant, &e.lane, e.state.as_str(), e.rank, e.received_at, finished, &e.error, e.provider)
        })
        .collect();
    let mut bodies = Vec::with_capacity(fresh.iter().map(|(_, event)| event.body.len()).sum());
    let mut rows = Vec::with_capacity(fresh.len());
    for (seq, e) in fresh {
        let names = (e.provider, &e.connection, &e.external_id, &e.kind, &e.account);
        rows.push((seq, names, e.occurred_at, e.received_at, &e.headers, bodies.len() + 1, e.body.len(), e.hash));
        bodies.extend_from_slice(&e.body);
    }
    let first = fresh.first().map_or(0, |(seq, _)| *seq);
    tx.system(
        "insert into jobs (kind, seq, tenant, lane, state, rank, created_ms, finished_ms, error, provider, max_attempts)
         select 'event', value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
             value ->> 7, value ->> 8, $2 from json_each($1);
         insert into inbox_events (seq, provider, connection, external_id, kind, account, occurred_ms, received_ms, headers,
             body, hash)
         select value ->> 0, value ->> '$[1][0]', value ->> '$[1][1]', value ->> '$[1][2]', value ->> '$[1][3]',
             value ->> '$[1][4]', value ->> 2, value ->> 3, value ->> 4, substr($4, value ->> 5, value ->> 6), value ->> 7
         from json_each($3);
         insert into event_batches (first_seq, hashes) values ($5, $6);
         insert or ignore into event_keys (hash, seq) select value ->> 0, value ->> 1 from json_each($7)
             where value ->> 1 > (select coalesce(max(position), 0) from cursors where name = $9);
         delete from event_batches where first_seq <= $8",
    )
    .bind(json(&jobs)?)
    .bind(MAX_ATTEMPTS)
    .bind(json(&rows)?)
    .bind(bodies)
    .bind(first)
    .bind(packed(fresh.iter().map(|(_, event)| event.hash)))
    .bind(json(&run.keys)?)
    .bind(run.completes_batch)
    .bind(FORGOTTEN)
    .execute()
    .await
    .map(drop)
}

/// Finds the events with these hashes.
pub(super) async fn find(
    tx: &mut Tx,
    recent: &Mutex<RecentHashes>,
    hashes: &[i64],
) -> Result<HashMap<i64, StoredEvent>> {
    let recent: Vec<_> = {
        let recent = lock(recent);
        hashes.iter().filter_map(|hash| Some((*hash, recent.get(*hash)?))).collect()
    };
    let rows = tx
        .system(
            "with keys (hash, seq) as (
                 select value ->> 0, value ->> 1 from json_each($1)
                 union select hash, seq from event_keys where hash in (select value from json_each($2)))
             select keys.hash, e.seq, e.provider, e.connection, e.external_id
             from keys join inbox_events e on e.seq = keys.seq",
        )
        .bind(json(&recent)?)
        .bind(json(&hashes)?)
        .rows()
        .await?;
    rows.iter().map(StoredEvent::from_row).collect()
}

fn json<T: serde::Serialize>(rows: &T) -> Result<String> {
    serde_json::to_string(rows)
        .map_err(|error| Error::internal("unwritable", "rows cannot be written as JSON").source(error))
}
