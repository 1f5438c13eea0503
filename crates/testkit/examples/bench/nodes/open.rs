//! A queue of open entries: events that arrived while no node worked.

use kernel::Scope;
use store::Db;

/// Entries in one statement.
const STEP: i64 = 20_000;

/// Fills the queue of an empty database with `open` events, of `tenants` tenants in turn.
pub(crate) async fn fill(db: &Db, open: i64, tenants: i64) -> anyhow::Result<()> {
    for first in (1..=open).step_by(usize::try_from(STEP)?) {
        let last = (first + STEP - 1).min(open);
        let write = store::work(move |tx| {
            Box::pin(async move {
                tx.system(
                    "insert into jobs (kind, provider, tenant, lane, state, rank, max_attempts, created_ms)
                     select 'event', 'stripe', 'stripe:cus_' || (n % $3::bigint), 'stripe:cus_' || (n % $3::bigint), 'ready', n, 17, 1700000000000
                     from generate_series($1::bigint, $2::bigint) as n",
                )
                .bind(first)
                .bind(last)
                .bind(tenants)
                .execute()
                .await?;
                tx.system(
                    "insert into inbox_events (seq, hash, provider, connection, external_id, kind, received_ms, body)
                     select seq, seq, 'stripe', '', 'evt_' || seq, 'invoice.updated', 1700000000000,
                         convert_to('{\"id\":\"evt_' || seq || '\",\"object\":\"event\",\"type\":\"invoice.updated\",\"created\":1767225600,\"data\":{\"object\":{\"id\":\"in_1\",\"object\":\"invoice\",\"customer\":\"cus_' || seq % $3::bigint || '\"}}}', 'UTF8')
                     from jobs where rank between $1 and $2",
                )
                .bind(first)
                .bind(last)
                .bind(tenants)
                .execute()
                .await
                .map(drop)
            })
        });
        db.write(&Scope::System, write).await?;
    }
    Ok(())
}
