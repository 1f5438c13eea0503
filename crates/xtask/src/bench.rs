//! `cargo xtask bench`: runs the benchmarks on this machine, with all variants in one run.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{cluster::Cluster, process, workspace::Workspace};

/// The number of files that a process may open: 10,000 connections, and its other files.
const FILES: u32 = 16_384;

#[derive(Args)]
pub(crate) struct Bench {
    /// Build with `bench-fast` instead of `release`: a third of the time to build, a little less speed.
    #[arg(long, global = true)]
    fast: bool,
    /// Leave PostgreSQL out.
    #[arg(long, global = true)]
    sqlite_only: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Incoming webhooks: the ceiling of the HTTP stack, one transaction for each event, the inbox, and the real binary
    /// end to end.
    Inbox {
        /// Passed on: `--connections 32,128,256 --seconds 6 --events 250000 --only ours-sqlite --json FILE`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Live queries: one commit that thousands of sockets see, commits in a thousand organizations, mutations, memory;
    /// compared with a bare broadcast. And a tenant whose neighbours flood the server.
    Live {
        /// Passed on: `--rounds 3 --only sqlite --measure fan,spread,mutations,rest,flood --sockets 1000,10000 --json FILE`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Three nodes on one PostgreSQL: events a second in all, the death of one, claims from a long queue.
    Nodes {
        /// Passed on: `--nodes 3 --connections 128 --events 100000 --open 100000 --tenants 10000`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The inbox when it is empty, and when it holds millions of events already.
    Growth {
        /// The number of events.
        #[arg(long, default_value_t = 5_000_000)]
        events: u64,
    },
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let tools = Tools::build(&workspace, self.fast)?;
        let cluster = if self.sqlite_only { None } else { Some(Cluster::start(&workspace)?) };
        let postgres = cluster.as_ref().map(Cluster::url);
        match self.what {
            What::Inbox { arguments } => tools.inbox(postgres.as_deref(), &arguments),
            What::Live { arguments } => tools.live(postgres.as_deref(), &arguments),
            What::Nodes { arguments } => tools.nodes(postgres.as_deref(), &arguments),
            What::Growth { events } => tools.growth(postgres.as_deref(), events),
        }
    }
}

/// The compiled programs of the benchmarks.
struct Tools {
    bench: PathBuf,
    server: PathBuf,
    folder: PathBuf,
}

impl Tools {
    fn build(workspace: &Workspace, fast: bool) -> Result<Self> {
        let profile = if fast { "bench-fast" } else { "release" };
        let mut build = process::cargo();
        build.args(["build", "--profile", profile, "-p", "trunkline", "--bin", "trunkline"]);
        build.args(["-p", "testkit", "--example", "bench"]);
        process::run(build.current_dir(&workspace.root))?;
        let built = workspace.target.join(profile);
        let folder = workspace.target.join("bench");
        fs::create_dir_all(&folder)?;
        Ok(Self { bench: built.join("examples/bench"), server: built.join("trunkline"), folder })
    }

    fn inbox(&self, postgres: Option<&str>, arguments: &[String]) -> Result<()> {
        let mut run = self.measure(&["inbox", "run"], postgres);
        process::run(run.args(arguments))
    }

    /// Every connection is an open file at both of its ends.
    fn live(&self, postgres: Option<&str>, arguments: &[String]) -> Result<()> {
        let raise = format!(
            "ulimit -S -n {FILES} || {{ echo 'raise the hard limit of open files to {FILES} (ulimit -Hn)' >&2; exit 1; }}
             exec \"$0\" \"$@\""
        );
        let run = self.measure(&["live", "run"], postgres);
        let mut shell = process::program("sh");
        process::run(shell.args(["-c", &raise]).arg(run.get_program()).args(run.get_args()).args(arguments))
    }

    fn nodes(&self, postgres: Option<&str>, arguments: &[String]) -> Result<()> {
        process::run(self.measure(&["nodes"], postgres).args(arguments))
    }

    /// Measures each store empty, then filled, each time with a ceiling of its own. The ratios to the ceiling are what
    /// to compare. The number of events is large enough that SQLite moves its newest keys to their table more than
    /// once.
    fn growth(&self, postgres: Option<&str>, events: u64) -> Result<()> {
        let sqlite = format!("sqlite:{}", self.folder.join("growth/growth.db").display());
        let stores = [("ours-sqlite", Some(sqlite.as_str())), ("ours-postgres", postgres)];
        for (variant, database) in stores {
            let Some(database) = database else { continue };
            let only = format!("ceiling,{variant}");
            let common =
                ["--connections", "128", "--rounds", "2", "--seconds", "120", "--events", "1000000", "--only", &only];
            process::run(self.measure(&["inbox", "run"], postgres).args(common))?;
            let mut grow = process::program(&self.bench);
            process::run(grow.args(["inbox", "grow", "--database-url", database, "--events", &events.to_string()]))?;
            process::run(self.measure(&["inbox", "run"], postgres).args(common).args(["--existing", database]))?;
        }
        process::remove_folder(&self.folder.join("growth"))
    }

    fn measure(&self, what: &[&str], postgres: Option<&str>) -> Command {
        let mut run = process::program(&self.bench);
        run.args(what).arg("--binary").arg(&self.server).arg("--folder").arg(&self.folder).stdin(Stdio::null());
        if let Some(url) = postgres {
            run.args(["--postgres", url]);
        }
        run
    }
}
