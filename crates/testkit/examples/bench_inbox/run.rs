//! All variants, side by side in one run.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    events::{Events, SECRET},
    load, machine,
    report::{self, Line},
    variant::Variant,
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

/// Where the events go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    None,
    Sqlite,
    Postgres,
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
    let database = Database::make(options, store).await?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", "--variant", &format!("{variant:?}").to_lowercase()])
        .args(["--database-url", &database.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut first = String::new();
    BufReader::new(child.stdout.take().ok_or_else(|| anyhow::anyhow!("no output"))?).read_line(&mut first)?;
    let address = first.trim().parse()?;
    let measured = measure(options, name, &child, address, events, connections, variant == Variant::Ceiling).await;
    drop(child.stdin.take());
    child.wait()?;
    database.drop().await?;
    measured
}

async fn measure(
    options: &Options,
    name: &str,
    child: &Child,
    address: SocketAddr,
    events: &Arc<Events>,
    connections: usize,
    again: bool,
) -> anyhow::Result<Line> {
    let (idle, _) = machine::memory(child.id());
    let before = Cpu::now(child.id());
    // A ceiling repeats its events: it needs no more than a glance.
    let limit = Duration::from_secs(if again { 2 } else { options.seconds });
    let load = load::run(address, events, connections, limit, again).await?;
    let mut line = Line::new(name, connections, &load);
    before.share(child.id(), load.elapsed, &mut line);
    let (_, highest) = machine::memory(child.id());
    (line.idle_mib, line.highest_mib) = (idle, highest);
    line.rows_per_commit = rows_per_commit(&get(address, "/metrics").await?);
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
    let database = Database::make(options, store).await?;
    // The first start makes the tables; the second is the one that is timed.
    let first = Binary::start(options, &database).await?;
    first.stop()?;
    let server = Binary::start(options, &database).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (idle, _) = machine::memory(server.child.id());
    let before = Cpu::now(server.child.id());
    let load = load::run(server.address, events, connections, Duration::from_secs(options.seconds), false).await?;
    let began_waiting = Instant::now();
    while pending(server.address).await? > 0 {
        anyhow::ensure!(began_waiting.elapsed() < Duration::from_secs(120), "the queue does not drain");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let whole = load.elapsed + began_waiting.elapsed();
    let mut line = Line::new(name, connections, &load.lasting(whole));
    before.share(server.child.id(), whole, &mut line);
    let (_, highest) = machine::memory(server.child.id());
    (line.idle_mib, line.highest_mib) = (idle, highest);
    line.ready_ms = Some(server.ready.as_secs_f64() * 1000.0);
    line.rows_per_commit = rows_per_commit(&get(server.address, "/metrics").await?);
    server.stop()?;
    database.drop().await?;
    Ok(line)
}

struct Binary {
    child: Child,
    address: SocketAddr,
    ready: Duration,
}

impl Binary {
    async fn start(options: &Options, database: &Database) -> anyhow::Result<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let began = Instant::now();
        let child = Command::new(&options.binary)
            .args(["serve", "--listen", &address.to_string(), "--database-url", &database.url])
            .env("GENERIC_WEBHOOK_SECRET", SECRET)
            .env("TRUNKLINE_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()?;
        while get(address, "/health/ready").await.is_err() {
            anyhow::ensure!(began.elapsed() < Duration::from_secs(30), "the server does not start");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Self { child, address, ready: began.elapsed() })
    }

    fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }
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

/// A database for one measurement.
struct Database {
    url: String,
    store: Store,
    admin: Option<String>,
    name: String,
    keep: bool,
}

impl Database {
    async fn make(options: &Options, store: Store) -> anyhow::Result<Self> {
        let name = format!("bench_{}_{}", std::process::id(), std::time::UNIX_EPOCH.elapsed()?.as_nanos());
        let mut made = Self { url: String::new(), store, admin: options.postgres.clone(), name, keep: false };
        match (&options.existing, store) {
            (Some(url), _) => (made.url, made.keep) = (url.clone(), true),
            (None, Store::None) => {}
            (None, Store::Sqlite) => {
                made.url = format!("sqlite:{}", options.folder.join(&made.name).join("bench.db").display());
            }
            (None, Store::Postgres) => {
                let admin = made.admin.clone().unwrap_or_default();
                psql(&admin, &format!("create database {}", made.name))?;
                made.url = database_url(&admin, &made.name);
            }
        }
        Ok(made)
    }

    async fn drop(self) -> anyhow::Result<()> {
        if self.keep {
            return Ok(());
        }
        match self.store {
            Store::None => {}
            Store::Sqlite => {
                let file = self.url.trim_start_matches("sqlite:");
                std::fs::remove_dir_all(Path::new(file).parent().unwrap_or(Path::new(file)))?;
            }
            Store::Postgres => {
                psql(&self.admin.unwrap_or_default(), &format!("drop database {} with (force)", self.name))?;
            }
        }
        Ok(())
    }
}

/// The address of another database on the same server.
fn database_url(admin: &str, name: &str) -> String {
    let server = admin.rsplit_once('/').map_or(admin, |(server, _)| server);
    format!("{server}/{name}")
}

fn psql(url: &str, sql: &str) -> anyhow::Result<()> {
    let status = Command::new("psql").args([url, "-q", "-c", sql]).status()?;
    anyhow::ensure!(status.success(), "psql failed: {sql}");
    Ok(())
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

/// The body of a plain `GET`.
async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 200"), "{path} did not answer 200");
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
