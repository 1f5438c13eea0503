//! Everything, side by side in one run.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use testkit::Tokens;

use super::{
    fan, flood, marks, mutations,
    people::People,
    report::Report,
    rest,
    spread::{self, Load},
    target::{Seat, Target},
};
use crate::{
    database::{Database, Store, postmaster},
    program::Program,
};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// A PostgreSQL server that the benchmark may make databases on; without it, only SQLite.
    #[arg(long)]
    postgres: Option<String>,
    /// Where databases are made. It should be on the disk that is to be measured.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Rounds, each on a database of its own; the table shows medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these databases: `sqlite`, `postgres`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these measurements: `fan`, `spread`, `mutations`, `rest`, `flood`.
    #[arg(long, value_delimiter = ',')]
    measure: Vec<String>,
    /// Numbers of sockets that see one commit.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    sockets: Vec<usize>,
    /// Commits that each of them sees.
    #[arg(long, default_value_t = 15)]
    commits: usize,
    /// Numbers of organizations with ten sockets each.
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    organizations: Vec<usize>,
    /// Commits in a second in all of them together.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Different queries of each tenant that floods the server.
    #[arg(long, default_value_t = 4000)]
    queries: usize,
    /// How long that and the like are measured.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Also write the numbers as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// People who watch the same: each has several of the sockets.
const PEOPLE: usize = 500;
/// Sockets that mutate at the same time.
const WRITERS: [usize; 2] = [1, 100];

/// Runs everything and prints the table.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    std::fs::create_dir_all(&options.folder)?;
    let mut report = Report::default();
    for round in 1..=options.rounds {
        for (name, store) in [("SQLite", Store::Sqlite), ("PostgreSQL", Store::Postgres)] {
            let is_wanted = options.only.is_empty()
                || options.only.iter().any(|only| name.to_lowercase().starts_with(&only.to_lowercase()));
            if is_wanted && (store != Store::Postgres || options.postgres.is_some()) {
                eprintln!("{name}, round {round}");
                one(&options, name, store, &mut report).await?;
            }
        }
    }
    report.print();
    if let Some(file) = &options.json {
        std::fs::write(file, report.json()?)?;
    }
    Ok(())
}

/// One database.
async fn one(options: &Options, name: &'static str, store: Store, report: &mut Report) -> anyhow::Result<()> {
    let database = Database::make(store, &options.folder, options.postgres.as_deref())?;
    let ours = Ours::settle(options, &database).await?;
    let measures = |what: &str| options.measure.is_empty() || options.measure.iter().any(|only| only == what);
    if measures("rest") {
        let [ceiling, ours] = ours.beside().await?;
        report.add(name, rest::measure(&ceiling, 2).await?, rest::measure(&ours, 2).await?);
    }
    for &sockets in options.sockets.iter().filter(|_| measures("fan")) {
        let [ceiling, ours] = ours.beside().await?;
        let ceiling = fan::measure(&ceiling, sockets, options.commits).await?;
        report.add(name, ceiling, fan::measure(&ours, sockets, options.commits).await?);
    }
    for &organizations in options.organizations.iter().filter(|_| measures("spread")) {
        let load = Load { organizations, rate: options.rate, seconds: options.seconds };
        let [ceiling, ours] = ours.beside().await?;
        report.add(name, spread::measure(&ceiling, load).await?, spread::measure(&ours, load).await?);
    }
    for count in WRITERS.into_iter().filter(|_| measures("mutations")) {
        let [ceiling, ours] = ours.beside().await?;
        let (ceiling, seconds) = (mutations::measure(&ceiling, count, 2).await?, options.seconds.min(5));
        report.add(name, ceiling, mutations::measure(&ours, count, seconds).await?);
    }
    if measures("flood") {
        let [_, ours] = ours.beside().await?;
        report.alone(name, flood::measure(&ours, options.queries, options.seconds).await?);
    }
    database.drop()
}

/// The real binary on a database with everybody who will watch.
struct Ours<'o> {
    binary: &'o Path,
    database: &'o str,
    issuers: String,
    people: People,
    /// The first process of the PostgreSQL server, where the database is on one.
    postmaster: Option<u32>,
    /// What a commit sends to everybody.
    transition: String,
}

impl<'o> Ours<'o> {
    async fn settle(options: &'o Options, database: &'o Database) -> anyhow::Result<Self> {
        let tokens = Tokens::new();
        let issuers = tokens.issuer_json();
        let server = start(&options.binary, &database.url, &issuers).await?;
        let small =
            options.organizations.iter().copied().chain(WRITERS).chain([flood::TENANTS + 1]).max().unwrap_or_default();
        let began = Instant::now();
        let people = People::settle(server.address, tokens, PEOPLE, small).await?;
        eprintln!("  {small} organizations in {:.1} s", began.elapsed().as_secs_f64());
        let transition = transition(&Target::Ours { server, people: &people, postmaster: None }).await?;
        let postmaster = database.url.starts_with("postgres").then(|| postmaster(&database.url)).transpose()?;
        Ok(Self { binary: &options.binary, database: &database.url, issuers, people, postmaster, transition })
    }

    /// The ceiling and ours, to be measured one right behind the other, because the machine is another one every minute;
    /// both anew, because memory that was used before is not taken again.
    async fn beside(&self) -> anyhow::Result<[Target<'_>; 2]> {
        let ceiling = Target::Ceiling { server: Program::own(&["live", "ceiling"])?, transition: &self.transition };
        let server = start(self.binary, self.database, &self.issuers).await?;
        Ok([ceiling, Target::Ours { server, people: &self.people, postmaster: self.postmaster }])
    }
}

async fn start(binary: &Path, database: &str, issuers: &str) -> anyhow::Result<Program> {
    let variables = [
        ("AUTH_JWT_ISSUERS", issuers),
        ("PLANS", r#"[{"id":"free","name":"Free","maxCustomers":1000000,"maxStaff":1000000,"maxClients":1000000}]"#),
        // Nobody is held back.
        ("TRUNKLINE_RATE_CALLER", "0"),
        ("TRUNKLINE_RATE_ORGANIZATION", "0"),
        ("TRUNKLINE_RATE_OPERATION", "0"),
    ];
    Program::binary(binary, database, &variables).await
}

async fn transition(ours: &Target<'_>) -> anyhow::Result<String> {
    let mut sockets = ours.watch([Seat { organization: None, person: 1 }]).await?;
    let writer = ours.writer(None).await?;
    writer.mouth().say(&ours.says(None).commit(0, 1))?;
    loop {
        let transition = sockets[0].wait_for(r#"{"type":"Transition""#).await?;
        if marks::shown(&transition) == Some(1) {
            return Ok(transition);
        }
    }
}
