//! Several nodes on one PostgreSQL: the real binary, three processes, and the load in a fourth.
//!
//! - **together**: events that all nodes take in, and that nobody handles, until none is open; beside one node alone.
//! - **death**: one node of those that work on a long queue is killed; how long until what it held is somebody else's, and
//!   until all is done.
//! - **claims**: a queue of many open entries of many tenants, which nobody adds to; claims and entries a second.

mod open;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::Scope;
use store::Db;

use crate::{
    database::{Database, Store, postmaster},
    http::get,
    inbox::{Events, SECRETS, load},
    machine,
    program::Program,
};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// A PostgreSQL server that the benchmark may make databases on.
    #[arg(long)]
    postgres: Option<String>,
    /// Where other benchmarks make databases; not used here.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Nodes.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Connections over all nodes.
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// Events over all nodes, in each measurement.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Open entries, for the claims.
    #[arg(long, default_value_t = 100_000)]
    open: i64,
    /// Tenants that these belong to.
    #[arg(long, default_value_t = 10_000)]
    tenants: i64,
}

/// The longest time of one measurement.
const LIMIT: Duration = Duration::from_secs(120);
/// Longer than a lease.
const WATCHED: Duration = Duration::from_secs(18);
/// Customers that the events are about.
const CUSTOMERS: usize = 5000;
const LOOK: Duration = Duration::from_millis(20);

/// Runs everything and prints the numbers.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let Some(postgres) = options.postgres.clone() else { anyhow::bail!("several nodes need PostgreSQL") };
    std::fs::create_dir_all(&options.folder)?;
    let alone = together(&options, &postgres, 1).await?;
    let all = together(&options, &postgres, options.nodes).await?;
    println!("| nodes | events/s until handled | PostgreSQL, cores | nodes, cores |");
    println!("|---|---|---|---|");
    for (nodes, line) in [(1, &alone), (options.nodes, &all)] {
        println!("| {nodes} | {:.0} | {:.2} | {:.2} |", line.rate, line.postgres_cores, line.node_cores);
    }
    death(&options, &postgres).await?;
    claims(&options, &postgres).await
}

/// How one measurement of all nodes went.
struct Together {
    rate: f64,
    postgres_cores: f64,
    node_cores: f64,
}

/// Events into all nodes at once, until the last one is handled.
async fn together(options: &Options, postgres: &str, count: usize) -> anyhow::Result<Together> {
    let (database, db, nodes) = start(options, postgres, count).await?;
    let postmaster = postmaster(postgres)?;
    let cpu =
        || (machine::cpu_of_server(postmaster), nodes.iter().map(|node| machine::cpu(node.id())).sum::<Duration>());
    let (events, before, began) = (sign(options, count)?, cpu(), Instant::now());
    let loads = send(options, &nodes, &events);
    let mut accepted = 0;
    for load in loads {
        accepted += load.await??.requests;
    }
    until(&db, OPEN, 0).await?;
    let (elapsed, after) = (began.elapsed(), cpu());
    let cores = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / elapsed.as_secs_f64();
    let line = Together {
        rate: accepted as f64 / elapsed.as_secs_f64(),
        postgres_cores: cores(after.0, before.0),
        node_cores: cores(after.1, before.1),
    };
    end(database, db, nodes).await?;
    Ok(line)
}

/// One node of those that work on a long queue is killed.
async fn death(options: &Options, postgres: &str) -> anyhow::Result<()> {
    let (database, db, mut nodes) = start(options, postgres, options.nodes).await?;
    // Long enough that nobody has watched for less than a lease.
    tokio::time::sleep(WATCHED).await;
    open::fill(&db, options.open, options.tenants).await?;
    let dies = nodes.pop().ok_or_else(|| anyhow::anyhow!("there is no node"))?;
    let (mut held, began) = (0, Instant::now());
    // A death with empty hands would measure nothing.
    while held == 0 && began.elapsed() < LIMIT {
        held = number(&db, HELD_BY_LAST).await?;
    }
    drop(dies);
    let died = Instant::now();
    let held = number(&db, HELD_BY_LAST).await?;
    until(&db, "select count(*) as n from nodes", i64::try_from(nodes.len())?).await?;
    let noticed = died.elapsed();
    until(&db, OPEN, 0).await?;
    println!();
    println!(
        "a node that held {held} entries was killed: taken over after {:.1} s, all done {:.1} s after its death",
        noticed.as_secs_f64(),
        died.elapsed().as_secs_f64()
    );
    end(database, db, nodes).await
}

/// What is still to be done.
const OPEN: &str = "select count(*) as n from jobs where rank is not null";
/// What the node holds that registered last.
const HELD_BY_LAST: &str =
    "select count(*) as n from jobs where state = 'running' and node = (select max(node) from nodes)";

/// A long queue, and nodes that find it when they start.
async fn claims(options: &Options, postgres: &str) -> anyhow::Result<()> {
    let (database, db, nodes) = start(options, postgres, 1).await?;
    for node in nodes {
        node.stop()?;
    }
    open::fill(&db, options.open, options.tenants).await?;
    let began = Instant::now();
    let mut nodes = Vec::new();
    for _ in 0..options.nodes {
        nodes.push(binary(options, &database).await?);
    }
    until(&db, OPEN, 0).await?;
    let seconds = began.elapsed().as_secs_f64();
    let mut claims = 0.0;
    for node in &nodes {
        let metrics = get(node.address, "/metrics").await?;
        let count =
            metrics.lines().find_map(|line| line.strip_prefix("trunkline_claims_total ")?.trim().parse::<f64>().ok());
        claims += count.unwrap_or(0.0);
    }
    println!();
    println!(
        "{} open entries of {} tenants: {:.0} entries/s by {claims:.0} claims, {:.0} claims/s, from the start of {} nodes",
        options.open,
        options.tenants,
        options.open as f64 / seconds,
        claims / seconds,
        options.nodes
    );
    end(database, db, nodes).await
}

async fn start(options: &Options, postgres: &str, count: usize) -> anyhow::Result<(Database, Db, Vec<Program>)> {
    let database = Database::make(Store::Postgres, &options.folder, Some(postgres))?;
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(binary(options, &database).await?);
    }
    let db = Db::open(&store::Options::new(database.url.clone())).await?;
    until(&db, "select count(*) as n from nodes", i64::try_from(count)?).await?;
    Ok((database, db, nodes))
}

async fn binary(options: &Options, database: &Database) -> anyhow::Result<Program> {
    Program::binary(&options.binary, &database.url, &SECRETS).await
}

async fn end(database: Database, db: Db, nodes: Vec<Program>) -> anyhow::Result<()> {
    for node in nodes {
        node.stop()?;
    }
    db.close().await;
    database.drop()
}

/// Each node's own share of the events.
fn sign(options: &Options, nodes: usize) -> anyhow::Result<Vec<Arc<Events>>> {
    (0..nodes).map(|_| Events::sign(options.events / nodes, CUSTOMERS)).collect()
}

type Loads = Vec<tokio::task::JoinHandle<anyhow::Result<load::Load>>>;

/// Sends to every node at once.
fn send(options: &Options, nodes: &[Program], events: &[Arc<Events>]) -> Loads {
    let connections = (options.connections / nodes.len()).max(1);
    let each = nodes.iter().zip(events).map(|(node, events)| {
        let (address, events) = (node.address, events.clone());
        tokio::spawn(async move { load::run(address, &events, connections, LIMIT, false).await })
    });
    each.collect()
}

/// Waits until a count comes down to this.
async fn until(db: &Db, sql: &'static str, count: i64) -> anyhow::Result<()> {
    let began = Instant::now();
    while number(db, sql).await? != count {
        anyhow::ensure!(began.elapsed() < LIMIT, "it does not come to {count}: {sql}");
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn number(db: &Db, sql: &'static str) -> anyhow::Result<i64> {
    let number = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let row = tx.system(sql).row().await?;
            row.map_or(Ok(0), |row| row.int("n"))
        })
    });
    Ok(number.await?)
}
