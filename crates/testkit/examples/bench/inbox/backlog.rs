//! Events that are handled: WhatsApp messages of many people, which wait already when the server starts. What is measured
//! begins when each person has written once.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use kernel::Scope;
use store::{Db, Engine};

use super::{
    events::SECRETS,
    report::Line,
    run::{Cpu, Options, binary, ended_as},
};
use crate::{database::Database, machine, program::Program};

/// The number that the messages are sent to.
const ACCOUNT: &str = "106540352242922";
/// People who write, each in a conversation of their own.
const PEOPLE: i64 = 5_000;
/// How long their first messages may take.
const WARM_UP: Duration = Duration::from_secs(120);
/// Events in one transaction.
const STEP: i64 = 50_000;

/// Lets so many messages wait, and measures how fast they are handled.
pub(crate) async fn measure(options: &Options, name: &str, database: &Database, waiting: i64) -> anyhow::Result<Line> {
    // The first start makes the tables.
    binary(options, database).await?.stop()?;
    for command in [
        &["organizations", "create", "--name", "Acme", "--external-id", "bench=acme"][..],
        &["connections", "add", "--provider", "whatsapp", "--account", ACCOUNT],
    ] {
        let output = Command::new(&options.binary)
            .args(command)
            .envs(SECRETS)
            .env("DATABASE_URL", &database.url)
            .output()
            .context("the server's binary does not run")?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    fill(&database.url, PEOPLE + waiting).await?;
    let server = binary(options, database).await?;
    let (idle, _) = machine::memory(server.id());
    let first = until(&server, PEOPLE, WARM_UP).await?;
    ensure!(first >= u64::try_from(PEOPLE)?, "only {first} messages were handled in {WARM_UP:?}");
    let (before, began) = (Cpu::now(server.id(), options), Instant::now());
    let last = until(&server, PEOPLE + waiting, Duration::from_secs(options.seconds)).await?;
    let elapsed = began.elapsed();
    let mut line = Line::of_work(name, usize::try_from(last - first)?, elapsed);
    before.share(server.id(), elapsed, options, &mut line);
    let (_, highest) = machine::memory(server.id());
    (line.idle_mib, line.highest_mib) = (idle, highest);
    server.stop()?;
    Ok(line)
}

/// Waits until so many messages are handled, or for this long. Returns how many are.
async fn until(server: &Program, messages: i64, limit: Duration) -> anyhow::Result<u64> {
    let (began, messages) = (Instant::now(), u64::try_from(messages)?);
    loop {
        let handled = ended_as(server.address, Some("processed")).await?;
        if handled >= messages || began.elapsed() >= limit {
            return Ok(handled);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Writes the events past the inbox, which would take as long as the measurement.
async fn fill(url: &str, count: i64) -> anyhow::Result<()> {
    let mut settings = store::Options::new(url.to_owned());
    settings.statement_timeout = Duration::from_secs(600);
    let db = Db::open(&settings).await?;
    for done in (0..count).step_by(usize::try_from(STEP)?) {
        let (first, last) = (done + 1, (done + STEP).min(count));
        let fill = store::work(move |tx| {
            Box::pin(async move {
                for text in texts(tx.engine()) {
                    tx.system(text).bind(first).bind(last).bind(PEOPLE).execute().await?;
                }
                Ok(())
            })
        });
        db.write(&Scope::System, fill).await?;
    }
    db.close().await;
    Ok(())
}

fn texts(engine: Engine) -> [&'static str; 2] {
    match engine {
        Engine::Sqlite => [
            "with recursive n (seq) as (select $1 union all select seq + 1 from n where seq < $2)
             insert into jobs (seq, kind, provider, tenant, lane, state, rank, max_attempts, created_ms)
             select seq, 'event', 'whatsapp', 'whatsapp:106540352242922', 'whatsapp:106540352242922:' || (seq % $3), 'ready',
                 1767225600000000 + seq, 17, 1767225600000 from n",
            "with recursive n (seq) as (select $1 union all select seq + 1 from n where seq < $2)
             insert into inbox_events (seq, provider, connection, external_id, kind, account, received_ms, body)
             select seq, 'whatsapp', '', 'wamid.' || seq, 'message', '106540352242922', 1767225600000,
                 cast('{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"15550783881\",\"phone_number_id\":\"106540352242922\"},\"contacts\":[{\"profile\":{\"name\":\"Ada\"},\"wa_id\":\"1650' || (1000000 + seq % $3) || '\"}],\"messages\":[{\"from\":\"1650' || (1000000 + seq % $3) || '\",\"id\":\"wamid.' || seq || '\",\"timestamp\":\"1767225600\",\"type\":\"text\",\"text\":{\"body\":\"Is it in stock?\"}}]}}]}]}' as blob)
             from n",
        ],
        Engine::Postgres => [
            "insert into jobs (kind, provider, tenant, lane, state, rank, max_attempts, created_ms)
             select 'event', 'whatsapp', 'whatsapp:106540352242922', 'whatsapp:106540352242922:' || (seq % $3::bigint), 'ready',
                 1767225600000000 + seq, 17, 1767225600000 from generate_series($1::bigint, $2::bigint) as seq",
            "insert into inbox_events (seq, provider, connection, external_id, kind, account, received_ms, body)
             select seq, 'whatsapp', '', 'wamid.' || seq, 'message', '106540352242922', 1767225600000,
                 convert_to('{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"15550783881\",\"phone_number_id\":\"106540352242922\"},\"contacts\":[{\"profile\":{\"name\":\"Ada\"},\"wa_id\":\"1650' || (1000000 + seq % $3::bigint) || '\"}],\"messages\":[{\"from\":\"1650' || (1000000 + seq % $3::bigint) || '\",\"id\":\"wamid.' || seq || '\",\"timestamp\":\"1767225600\",\"type\":\"text\",\"text\":{\"body\":\"Is it in stock?\"}}]}}]}]}', 'UTF8')
             from jobs where seq > (select coalesce(max(seq), 0) from inbox_events) and $1::bigint <= $2::bigint",
        ],
    }
}
