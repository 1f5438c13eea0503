//! The inbox's statements. A batch of any size is one statement a table on SQLite and one in all on PostgreSQL.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kernel::Result;
use store::{Engine, Tx, Value};

use super::rows::{Entry, MAX_ATTEMPTS};
use crate::queue::{CHANNEL, Seq, sql::one_of};

/// An event that was there before.
pub(super) struct Known {
    pub seq: Seq,
    pub provider: String,
    pub connection: String,
    pub external_id: String,
}

/// Writes the entries that are new, with their jobs, and tells their numbers by hash.
pub(super) async fn insert(tx: &mut Tx, entries: &[Arc<Entry>]) -> Result<HashMap<i64, Seq>> {
    match tx.engine() {
        Engine::Sqlite => insert_sqlite(tx, entries).await,
        Engine::Postgres => insert_postgres(tx, entries).await,
    }
}

/// Finds the events with these hashes.
pub(super) async fn known(tx: &mut Tx, hashes: &[i64]) -> Result<HashMap<i64, Known>> {
    let (sql, hashes) = one_of(
        tx,
        hashes,
        "select j.dedupe, e.seq, e.provider, e.connection, e.external_id from jobs j join inbox_events e on e.seq = j.seq
         where j.dedupe in (select value from json_each($1))",
        "select j.dedupe, e.seq, e.provider, e.connection, e.external_id from jobs j join inbox_events e on e.seq = j.seq
         where j.dedupe = any($1)",
    );
    let mut known = HashMap::new();
    for row in tx.system(sql).bind(hashes).rows().await? {
        let event = Known {
            seq: row.int("seq")?,
            provider: row.text("provider")?,
            connection: row.text("connection")?,
            external_id: row.text("external_id")?,
        };
        known.insert(row.int("dedupe")?, event);
    }
    Ok(known)
}

/// The rows go in as one JSON text, the bodies as one blob that the statement cuts: two values whatever the batch.
///
/// There is one writer, so what is new is looked up first: SQLite is slower at telling what an insert did.
async fn insert_sqlite(tx: &mut Tx, entries: &[Arc<Entry>]) -> Result<HashMap<i64, Seq>> {
    let hashes: Vec<_> = entries.iter().map(|entry| entry.dedupe).collect();
    let (seen, last) = seen(tx, &hashes).await?;
    let fresh: Vec<_> = (last + 1..).zip(entries.iter().filter(|entry| !seen.contains(&entry.dedupe))).collect();
    if fresh.is_empty() {
        return Ok(HashMap::new());
    }
    let jobs: Vec<_> = fresh
        .iter()
        .map(|(seq, e)| {
            let finished = e.rank.is_none().then_some(e.received_at);
            (seq, &e.tenant, e.dedupe, &e.lane, e.state.as_str(), e.rank, e.received_at, finished, &e.error)
        })
        .collect();
    let mut bodies = Vec::with_capacity(fresh.iter().map(|(_, entry)| entry.body.len()).sum());
    let mut events = Vec::with_capacity(fresh.len());
    for (seq, e) in &fresh {
        let names = (e.provider, &e.connection, &e.external_id, &e.kind, &e.account);
        events.push((seq, names, e.occurred_at, e.received_at, &e.headers, bodies.len() + 1, e.body.len()));
        bodies.extend_from_slice(&e.body);
    }
    // Two statements in one text: going to SQLite's thread and back costs as much as a few rows.
    tx.system(
        "insert into jobs (kind, seq, tenant, dedupe, lane, state, rank, created_ms, finished_ms, error, max_attempts)
         select 'event', value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
             value ->> 7, value ->> 8, $2 from json_each($1);
         insert into inbox_events (seq, provider, connection, external_id, kind, account, occurred_ms, received_ms, headers,
             body)
         select value ->> 0, value ->> '$[1][0]', value ->> '$[1][1]', value ->> '$[1][2]', value ->> '$[1][3]',
             value ->> '$[1][4]', value ->> 2, value ->> 3, value ->> 4, substr($4, value ->> 5, value ->> 6)
         from json_each($3)",
    )
    .bind(json(&jobs)?)
    .bind(MAX_ATTEMPTS)
    .bind(json(&events)?)
    .bind(bodies)
    .execute()
    .await?;
    Ok(fresh.into_iter().map(|(seq, entry)| (entry.dedupe, seq)).collect())
}

/// Which of these hashes are taken, and the last number that was given.
async fn seen(tx: &mut Tx, hashes: &[i64]) -> Result<(HashSet<i64>, Seq)> {
    let rows = tx
        .system(
            "select seq, null as dedupe from sqlite_sequence where name = 'jobs'
             union all select null, dedupe from jobs where dedupe in (select value from json_each($1))",
        )
        .bind(json(&hashes)?)
        .rows()
        .await?;
    let (mut taken, mut last) = (HashSet::new(), 0);
    for row in rows {
        last = row.opt_int("seq")?.unwrap_or(last);
        taken.extend(row.opt_int("dedupe")?);
    }
    Ok((taken, last))
}

fn json<T: serde::Serialize>(rows: &T) -> Result<String> {
    serde_json::to_string(rows)
        .map_err(|error| kernel::Error::internal("unwritable", "rows cannot be written as JSON").source(error))
}

/// One statement: the jobs that are new, then their events. Numbers are given in the order of arrival; rows go in sorted by
/// hash, so that two writers whose batches share events wait for one another instead of each for the other.
async fn insert_postgres(tx: &mut Tx, entries: &[Arc<Entry>]) -> Result<HashMap<i64, Seq>> {
    let texts = |of: fn(&Entry) -> Option<&str>| -> Value {
        entries.iter().map(|entry| of(entry).map(ToOwned::to_owned)).collect::<Vec<_>>().into()
    };
    let numbers_of =
        |of: fn(&Entry) -> i64| -> Value { entries.iter().map(|entry| of(entry)).collect::<Vec<_>>().into() };
    let inserted = tx
        .system(
            "with arrived as (
                 select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                     $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
                     $14::text[], $15::bytea[])
                 as t (dedupe, tenant, lane, state, rank, received_ms, error, provider, connection, external_id, kind,
                     account, occurred_ms, headers, body)),
             batch as materialized (select nextval('jobs_seq_seq') as seq, arrived.* from arrived),
             inserted as (
                 insert into jobs (seq, kind, tenant, dedupe, lane, state, rank, created_ms, finished_ms, error,
                     max_attempts)
                 select seq, 'event', tenant, dedupe, lane, state, nullif(rank, -1), received_ms,
                     case when rank = -1 then received_ms end, error, $16 from batch order by dedupe
                 on conflict (dedupe) do nothing returning seq, dedupe),
             events as (
                 insert into inbox_events (seq, provider, connection, external_id, kind, account, occurred_ms,
                     received_ms, headers, body)
                 select i.seq, b.provider, b.connection, b.external_id, b.kind, b.account, nullif(b.occurred_ms, -1),
                     b.received_ms, b.headers, b.body from inserted i join batch b on b.seq = i.seq)
             -- The wake-up of the other nodes goes along: it costs no round trip of its own.
             select seq, dedupe from inserted cross join (select pg_notify($17, '')) as woken",
        )
        .bind(numbers_of(|e| e.dedupe))
        .bind(texts(|e| Some(&e.tenant)))
        .bind(texts(|e| e.lane.as_deref()))
        .bind(texts(|e| Some(e.state.as_str())))
        .bind(numbers_of(|e| e.rank.unwrap_or(-1)))
        .bind(numbers_of(|e| e.received_at.ms()))
        .bind(texts(|e| e.error.as_deref()))
        .bind(texts(|e| Some(e.provider)))
        .bind(texts(|e| Some(&e.connection)))
        .bind(texts(|e| Some(&e.external_id)))
        .bind(texts(|e| Some(&e.kind)))
        .bind(texts(|e| e.account.as_deref()))
        .bind(numbers_of(|e| e.occurred_at.map_or(-1, kernel::Time::ms)))
        .bind(texts(|e| e.headers.as_deref()))
        .bind(entries.iter().map(|entry| Some(entry.body.to_vec())).collect::<Vec<_>>())
        .bind(MAX_ATTEMPTS)
        .bind(CHANNEL)
        .rows()
        .await?;
    numbers(&inserted)
}

fn numbers(rows: &[store::Row]) -> Result<HashMap<i64, Seq>> {
    rows.iter().map(|row| Ok((row.int("dedupe")?, row.int("seq")?))).collect()
}
