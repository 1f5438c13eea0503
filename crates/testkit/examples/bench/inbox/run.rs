//! All variants, side by side in one run.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    backlog,
    events::{Events, SECRETS},
    load,
    report::{self, Line},
    variant::Variant,
};
use crate::{
    database::{Database, Store, postmaster},
    http::get,
    machine,
    program::Program,
};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server's binary, for the end-to-end variant.
    #[arg(long)]
    pub(crate) binary: PathBuf,
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
    pub(crate) seconds: u64,
    /// Distinct events that are signed beforehand; a measurement with a store ends when they are used up.
    #[arg(long, default_value_t = 250_000)]
    events: usize,
    /// Customers whom the events of the end-to-end variant are about, each a lane.
    #[arg(long, default_value_t = 5_000)]
    customers: usize,
    /// Where databases are made. It should be on the disk that is to be measured.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Also write the numbers as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only these: naive, ours, end-to-end, one-lane, handled-5k and handled-500k, each with -sqlite or -postgres behind it.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure on this database as it is, instead of on an empty one. Only for `ours` variants.
    #[arg(long)]
    existing: Option<String>,
    /// The first process of PostgreSQL, found at the start.
    #[arg(skip)]
    postmaster: Option<u32>,
}

/// Runs everything and prints the table.
pub(crate) async fn run(mut options: Options) -> anyhow::Result<()> {
    options.postmaster = options.postgres.as_deref().map(postmaster).transpose()?;
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
    let events = Events::sign(options.events, options.customers)?;
    let one_lane = Events::sign(if options.wants("one-lane") { options.events } else { 0 }, 1)?;
    let (mut lines, mut ceilings) = (Vec::new(), Vec::new());
    for (what, variant) in variants() {
        for (suffix, store) in [("sqlite", Store::Sqlite), ("postgres", Store::Postgres)] {
            let name = format!("{what}-{suffix}");
            if !options.wants(&name) || (store == Store::Postgres && options.postgres.is_none()) {
                continue;
            }
            let ceiling = intake(options, "ceiling", Variant::Ceiling, Store::None, &events, connections).await?;
            let line = match variant {
                Measured::Intake(variant) => intake(options, &name, variant, store, &events, connections).await?,
                Measured::Unhandled => end_to_end(options, &name, store, &events, connections).await?,
                Measured::OneLane => end_to_end(options, &name, store, &one_lane, connections).await?,
                Measured::Handled(waiting) => {
                    let database = database(options, store)?;
                    let line = backlog::measure(options, &name, &database, waiting).await?;
                    database.drop()?;
                    line
                }
            };
            lines.push(line.against(&ceiling));
            ceilings.push(vec![ceiling]);
        }
    }
    against_intake(&mut lines);
    lines.splice(0..0, report::medians(&ceilings));
    Ok(lines)
}

/// What one line measures.
#[derive(Clone, Copy)]
enum Measured {
    /// A server of this program.
    Intake(Variant),
    /// The real binary, with events that nobody handles.
    Unhandled,
    /// The same, all of one customer.
    OneLane,
    /// The real binary, which finds so many events that are handled.
    Handled(i64),
}

fn variants() -> [(&'static str, Measured); 6] {
    [
        ("naive", Measured::Intake(Variant::Naive)),
        ("ours", Measured::Intake(Variant::Ours)),
        ("end-to-end", Measured::Unhandled),
        ("one-lane", Measured::OneLane),
        ("handled-5k", Measured::Handled(5_000)),
        ("handled-500k", Measured::Handled(500_000)),
    ]
}

impl Options {
    /// Whether a line of this name, or whose name begins like this, is asked for.
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.starts_with(name))
    }
}

/// Sets the intake with workers against the intake alone.
fn against_intake(lines: &mut [Line]) {
    for store in ["sqlite", "postgres"] {
        let alone = lines.iter().find(|line| line.variant == format!("ours-{store}")).map(|line| line.p99_ms);
        for line in lines.iter_mut().filter(|line| line.ready_ms.is_some() && line.variant.ends_with(store)) {
            line.times_intake_p99 = alone.map(|alone| line.p99_ms / alone);
        }
    }
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
    let before = Cpu::now(server.id(), options);
    // A ceiling repeats its events: it needs no more than a glance.
    let limit = Duration::from_secs(if again { 2 } else { options.seconds });
    let load = load::run(server.address, events, connections, limit, again).await?;
    let mut line = Line::new(name, connections, &load);
    before.share(server.id(), load.elapsed, options, &mut line);
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
    let before = Cpu::now(server.id(), options);
    let load = load::run(server.address, events, connections, Duration::from_secs(options.seconds), false).await?;
    let began_waiting = Instant::now();
    let accepted = u64::try_from(load.requests - load.refused)?;
    while ended_as(server.address, None).await? < accepted {
        anyhow::ensure!(began_waiting.elapsed() < Duration::from_secs(120), "the queue does not drain");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let whole = load.elapsed + began_waiting.elapsed();
    let mut line = Line::new(name, connections, &load.lasting(whole));
    before.share(server.id(), whole, options, &mut line);
    let (_, highest) = machine::memory(server.id());
    (line.idle_mib, line.highest_mib) = (idle, highest);
    line.ready_ms = Some(server.ready.as_secs_f64() * 1000.0);
    line.rows_per_commit = rows_per_commit(&get(server.address, "/metrics").await?);
    server.stop()?;
    database.drop()?;
    Ok(line)
}

pub(crate) async fn binary(options: &Options, database: &Database) -> anyhow::Result<Program> {
    Program::binary(&options.binary, &database.url, &SECRETS).await
}

/// CPU times at one moment.
pub(crate) struct Cpu {
    server: Duration,
    load: Duration,
    postgres: Duration,
}

impl Cpu {
    pub(crate) fn now(server: u32, options: &Options) -> Self {
        Self {
            server: machine::cpu(server),
            load: machine::cpu(std::process::id()),
            postgres: options.postmaster.map_or(Duration::ZERO, machine::cpu_of_server),
        }
    }

    /// Writes down how many cores each used since, and what an event took of them.
    pub(crate) fn share(&self, server: u32, elapsed: Duration, options: &Options, line: &mut Line) {
        let now = Self::now(server, options);
        let used = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64();
        let (server, postgres) = (used(now.server, self.server), used(now.postgres, self.postgres));
        line.server_cores = server / elapsed.as_secs_f64();
        line.postgres_cores = postgres / elapsed.as_secs_f64();
        line.load_cores = used(now.load, self.load) / elapsed.as_secs_f64();
        let of_store = if line.variant.ends_with("postgres") { server + postgres } else { server };
        line.cpu_micros = of_store * 1e6 / (line.requests.max(1) as f64);
    }
}

/// Events that have ended since the server started, at intake, with a handler, or together: all, or those with this status.
pub(crate) async fn ended_as(address: SocketAddr, status: Option<&str>) -> anyhow::Result<u64> {
    let metrics = get(address, "/metrics").await?;
    let counted = ["trunkline_events_total{", "trunkline_jobs_ended_total{"];
    let status = status.map_or(String::new(), |status| format!("status=\"{status}\""));
    let ended =
        metrics.lines().filter(|line| counted.iter().any(|name| line.starts_with(name)) && line.contains(&status));
    Ok(ended.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum())
}

fn rows_per_commit(metrics: &str) -> Option<f64> {
    let value = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    let sum = value("trunkline_inbox_rows_per_commit_sum")?;
    Some(sum / value("trunkline_inbox_rows_per_commit_count")?)
}
