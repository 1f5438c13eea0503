//! All variants, side by side in one run.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    events::{Events, SECRET},
    load,
    report::{self, Line},
    variant::Variant,
};
use crate::{
    database::{Database, Store},
    http::get,
    machine,
    program::Program,
};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server's binary, for the end-to-end variant.
    #[arg(long)]
    binary: PathBuf,
    /// A PostgreSQL server that the benchmark may make databases on; without it, only SQLite.
    #[arg(long)]
    postgres: Option<String>,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_value = "32,128,256")]
    connections: Vec<usize>,
    /// Rounds of all variants one after the other; the table shows medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The longest time of one measurement, in seconds.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Distinct events that are signed beforehand; a measurement with a store ends when they are used up.
    #[arg(long, default_value_t = 250_000)]
    events: usize,
    /// Where databases are made. It should be on the disk that is to be measured.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Also write the numbers as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only these: naive-sqlite, ours-sqlite, naive-postgres, ours-postgres, end-to-end-sqlite, end-to-end-postgres.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure on this database as it is, instead of on an empty one. Only for `ours` variants.
    #[arg(long)]
    existing: Option<String>,
}

/// Runs everything and prints the table.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    std::fs::create_dir_all(&options.folder)?;
    let mut lines = Vec::new();
    for &connections in &options.connections {
        let mut rounds = Vec::new();
        for number in 1..=options.rounds {
            eprintln!("{connections} connections, round {number}");
            rounds.push(round(&options, connections).await?);
        }
        lines.extend(report::medians(&rounds));
    }
    report::print(&lines);
    if let Some(file) = &options.json {
        std::fs::write(file, report::json(&lines)?)?;
    }
    Ok(())
}

/// All variants, one after the other, each behind a ceiling of its own: the machine changes from one to the next.
async fn round(options: &Options, connections: usize) -> anyhow::Result<Vec<Line>> {
    // Signatures are good for five minutes: the events are signed anew for each round.
    let events = Events::sign(options.events)?;
    let (mut lines, mut ceilings) = (Vec::new(), Vec::new());
    for (name, variant, store) in variants() {
        let wanted = options.only.is_empty() || options.only.iter().any(|only| only == name);
        if !wanted || (store == Store::Postgres && options.postgres.is_none()) {
            continue;
        }
        let ceiling = intake(options, "ceiling", Variant::Ceiling, Store::None, &events, connections).await?;
        let line = match variant {
            Some(variant) => intake(options, name, variant, store, &events, connections).await?,
            None => end_to_end(options, name, store, &events, connections).await?,
        };
        lines.push(line.against(&ceiling));
        ceilings.push(vec![ceiling]);
    }
    lines.splice(0..0, report::medians(&ceilings));
    Ok(lines)
}

fn variants() -> [(&'static str, Option<Variant>, Store); 6] {
    [
        ("naive-sqlite", Some(Variant::Naive), Store::Sqlite),
        ("ours-sqlite", Some(Variant::Ours), Store::Sqlite),
        ("end-to-end-sqlite", None, Store::Sqlite),
        ("naive-postgres", Some(Variant::Naive), Store::Postgres),
        ("ours-postgres", Some(Variant::Ours), Store::Postgres),
        ("end-to-end-postgres", None, Store::Postgres),
    ]
}

async fn intake(
    options: &Options,
    name: &str,
    variant: Variant,
    store: Store,
    events: &Arc<Events>,
    connections: usize,
) -> anyhow::Result<Line> {
    let database = database(options, store)?;
    let variant_name = format!("{variant:?}").to_lowercase();
    let server = Program::own(&["inbox", "serve", "--variant", &variant_name, "--database-url", &database.url])?;
    let measured = measure(options, name, &server, events, connections, variant == Variant::Ceiling).await;
    server.stop()?;
    database.drop()?;
    measured
}

fn database(options: &Options, store: Store) -> anyhow::Result<Database> {
    match &options.existing {
        Some(url) => Ok(Database::existing(url)),
        None => Database::make(store, &options.folder, options.postgres.as_deref()),
    }
}

async fn measure(
    options: &Options,
    name: &str,
    server: &Program,
    events: &Arc<Events>,
    connections: usize,
    again: bool,
) -> anyhow::Result<Line> {
    let (idle, _) = machine::memory(server.id());
    let before = Cpu::now(server.id());
    // A ceiling repeats its events: it needs no more than a glance.
    let limit = Duration::from_secs(if again { 2 } else { options.seconds });
    let load = load::run(server.address, events, connections, limit, again).await?;
    let mut line = Line::new(name, connections, &load);
    before.share(server.id(), load.elapsed, &mut line);
    let (_, highest) = machine::memory(server.id());
    (line.idle_mib, line.highest_mib) = (idle, highest);
    line.rows_per_commit = rows_per_commit(&get(server.address, "/metrics").await?);
    Ok(line)
}

/// The real binary: from its start to ready, then until the last event is handled.
async fn end_to_end(
    options: &Options,
    name: &str,
    store: Store,
    events: &Arc<Events>,
    connections: usize,
) -> anyhow::Result<Line> {
    let database = database(options, store)?;
    // The first start makes the tables; the second is the one that is timed.
    let first = binary(options, &database).await?;
    first.stop()?;
    let server = binary(options, &database).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (idle, _) = machine::memory(server.id());
    let before = Cpu::now(server.id());
    let load = load::run(server.address, events, connections, Duration::from_secs(options.seconds), false).await?;
    let began_waiting = Instant::now();
    while pending(server.address).await? > 0 {
        anyhow::ensure!(began_waiting.elapsed() < Duration::from_secs(120), "the queue does not drain");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let whole = load.elapsed + began_waiting.elapsed();
    let mut line = Line::new(name, connections, &load.lasting(whole));
    before.share(server.id(), whole, &mut line);
    let (_, highest) = machine::memory(server.id());
    (line.idle_mib, line.highest_mib) = (idle, highest);
    line.ready_ms = Some(server.ready.as_secs_f64() * 1000.0);
    line.rows_per_commit = rows_per_commit(&get(server.address, "/metrics").await?);
    server.stop()?;
    database.drop()?;
    Ok(line)
}

async fn binary(options: &Options, database: &Database) -> anyhow::Result<Program> {
    Program::binary(&options.binary, &database.url, &[("GENERIC_WEBHOOK_SECRET", SECRET)]).await
}

/// CPU times at one moment.
struct Cpu {
    server: Duration,
    load: Duration,
    postgres: Duration,
}

impl Cpu {
    fn now(server: u32) -> Self {
        Self {
            server: machine::cpu(server),
            load: machine::cpu(std::process::id()),
            postgres: machine::cpu_of("postgres"),
        }
    }

    /// Writes down how many cores each used since.
    fn share(&self, server: u32, elapsed: Duration, line: &mut Line) {
        let now = Self::now(server);
        let cores = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / elapsed.as_secs_f64();
        line.server_cores = cores(now.server, self.server);
        line.load_cores = cores(now.load, self.load);
        line.postgres_cores = cores(now.postgres, self.postgres);
    }
}

async fn pending(address: SocketAddr) -> anyhow::Result<i64> {
    let ready: serde_json::Value = serde_json::from_str(&get(address, "/health/ready").await?)?;
    Ok(ready["queue"]["pending"].as_i64().unwrap_or(0))
}

fn rows_per_commit(metrics: &str) -> Option<f64> {
    let value = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    let sum = value("trunkline_inbox_rows_per_commit_sum")?;
    Some(sum / value("trunkline_inbox_rows_per_commit_count")?)
}
