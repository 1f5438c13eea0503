//! A database that has seen a lot: events that were handled, whose bodies retention has dropped.

use engine::World;
use kernel::Scope;
use store::{Db, Engine};

/// What to fill.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    database_url: String,
    /// How many events it shall hold.
    #[arg(long, default_value_t = 5_000_000)]
    events: i64,
}

/// Events in one transaction.
const STEP: i64 = 100_000;

/// Fills it.
pub(crate) async fn grow(options: Options) -> anyhow::Result<()> {
    let mut settings = store::Options::new(options.database_url);
    settings.statement_timeout = std::time::Duration::from_secs(600);
    let db = Db::open(&settings).await?;
    store::migrate(&db, &[engine::MIGRATIONS], World::system().now()).await?;
    let start = last(&db).await?;
    let end = start + options.events;
    for done in (start..end).step_by(usize::try_from(STEP)?) {
        let (first, last) = (done + 1, (done + STEP).min(end));
        db.write(
            &Scope::System,
            store::work(move |tx| {
                Box::pin(async move {
                    for text in texts(tx.engine()) {
                        tx.system(text).bind(first).bind(last).execute().await?;
                    }
                    Ok(())
                })
            }),
        )
        .await?;
        eprintln!("{last} events");
    }
    db.close().await;
    Ok(())
}

/// The last number that was given.
async fn last(db: &Db) -> anyhow::Result<i64> {
    let last = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let row = tx.system("select coalesce(max(seq), 0) as last from jobs").row().await?;
            row.map_or(Ok(0), |row| row.int("last"))
        })
    });
    Ok(last.await?)
}

/// Hashes in random order, as the hashes of vendors' ids are.
fn texts(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &[
            "with recursive n (seq) as (select $1 union all select seq + 1 from n where seq < $2)
             insert into jobs (seq, kind, lane, state, attempts, max_attempts, created_ms, finished_ms)
             select seq, 'event', 'generic:' || seq, 'processed', 1, 17, 1700000000000, 1700000000001 from n",
            "with recursive n (seq) as (select $1 union all select seq + 1 from n where seq < $2)
             insert into inbox_events (seq, hash, provider, connection, external_id, kind, received_ms)
             select seq, abs(random()), 'generic', '', lower(hex(randomblob(16))), 'bench.happened', 1700000000000 from n",
            "insert into event_keys (hash, seq) select hash, seq from inbox_events where seq between $1 and $2 order by hash",
        ],
        Engine::Postgres => &[
            "insert into jobs (kind, lane, state, attempts, max_attempts, created_ms, finished_ms)
             select 'event', 'generic:' || n, 'processed', 1, 17, 1700000000000, 1700000000001
             from generate_series($1, $2) as n",
            "insert into inbox_events (seq, hash, provider, connection, external_id, kind, received_ms)
             select seq, (random() * 9e18)::bigint, 'generic', '', md5(seq::text), 'bench.happened', 1700000000000 from jobs
             where $1::bigint <= $2::bigint and seq > (select coalesce(max(seq), 0) from inbox_events)",
        ],
    }
}
