//! The inbox's statements on PostgreSQL: a batch of any size is one round trip.

use std::{collections::HashMap, sync::Arc};

use kernel::Result;
use store::{Tx, Value};

use super::new_event::{Inserted, MAX_ATTEMPTS, NewEvent, StoredEvent};

/// Writes the events that are new, then their jobs, in one statement. Numbers are given in the order of arrival; rows go in sorted by
/// hash, so that two writers whose batches share events wait for one another instead of each for the other.
pub(super) async fn insert(tx: &mut Tx, events: &[Arc<NewEvent>]) -> Result<Inserted> {
    let texts = |of: fn(&NewEvent) -> Option<&str>| -> Value {
        events.iter().map(|event| of(event).map(ToOwned::to_owned)).collect::<Vec<_>>().into()
    };
    let numbers_of =
        |of: fn(&NewEvent) -> i64| -> Value { events.iter().map(|event| of(event)).collect::<Vec<_>>().into() };
    let inserted = tx
        .system(
            "with arrived as (
                 select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                     $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
                     $14::text[], $15::bytea[])
                 as t (hash, tenant, lane, state, rank, received_ms, error, provider, connection, external_id, kind,
                     account, occurred_ms, headers, body)),
             batch as materialized (select nextval('jobs_seq_seq') as seq, arrived.* from arrived),
             events as (
                 insert into inbox_events (seq, hash, provider, connection, external_id, kind, account, occurred_ms,
                     received_ms, headers, body)
                 select seq, hash, provider, connection, external_id, kind, account, nullif(occurred_ms, -1),
                     received_ms, headers, body from batch order by hash
                 on conflict (hash) do nothing returning seq, hash),
             queued as (
                 insert into jobs (seq, kind, provider, tenant, lane, state, rank, created_ms, finished_ms, error, max_attempts)
                 select b.seq, 'event', b.provider, b.tenant, b.lane, b.state, nullif(b.rank, -1), b.received_ms,
                     case when b.rank = -1 then b.received_ms end, b.error, $16
                 from events e join batch b on b.seq = e.seq)
             select seq, hash from events",
        )
        .bind(numbers_of(|e| e.hash))
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
        .bind(events.iter().map(|event| Some(event.body.to_vec())).collect::<Vec<_>>())
        .bind(MAX_ATTEMPTS)
        .rows()
        .await?;
    let fresh = inserted.iter().map(|row| Ok((row.int("hash")?, row.int("seq")?))).collect::<Result<_>>()?;
    Ok(Inserted { fresh, moved: 0 })
}

/// Finds the events with these hashes.
pub(super) async fn find(tx: &mut Tx, hashes: &[i64]) -> Result<HashMap<i64, StoredEvent>> {
    let rows = tx
        .system("select hash, seq, provider, connection, external_id from inbox_events where hash = any($1)")
        .bind(hashes.to_vec())
        .rows()
        .await?;
    rows.iter().map(StoredEvent::from_row).collect()
}
