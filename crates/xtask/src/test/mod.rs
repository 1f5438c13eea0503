//! `cargo xtask test`: runs everything, on both databases. `.ci/run` is this command.

mod report;
mod standins;

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use self::report::Report;
use crate::{
    cluster::Cluster,
    generate,
    process::{self, cargo, find, run},
    tidy,
    workspace::Workspace,
};

/// The variable with the superuser's address for the tests; without it they use SQLite only.
const POSTGRES: &str = "TRUNKLINE_TEST_POSTGRES";

#[derive(Args)]
pub(crate) struct Test {
    /// Skip PostgreSQL, and do not count that as a failure.
    #[arg(long)]
    sqlite_only: bool,
    /// Arguments for the test runner; with any of these only the tests run, without the other checks.
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let mut report = Report::default();
        if self.arguments.is_empty() {
            checks(&workspace, &mut report);
        }
        // The whole workspace is built, so that the tests find every dependency with the features that they need.
        let built = report.step("build", || run(in_root(&workspace, cargo()).args(["build", "--workspace"])));
        if built {
            if self.arguments.is_empty() {
                report.step("generated files", || generate::check(&workspace));
            }
            self.tests(&workspace, &mut report);
        } else {
            report.missing("the tests", "the build failed");
        }
        if self.arguments.is_empty() {
            dependencies(&workspace, &mut report);
        }
        report.print();
        if !report.is_good() {
            bail!("not everything passed");
        }
        Ok(())
    }

    fn tests(&self, workspace: &Workspace, report: &mut Report) {
        let mut environment = Environment::default();
        // The cluster stops when it goes out of scope.
        let cluster = if self.sqlite_only { None } else { environment.start_postgres(workspace, report) };
        environment.install_standins(workspace, report);

        let with_nextest = find("cargo-nextest").is_some();
        report.step("tests", || {
            let mut command = cargo();
            command.args(if with_nextest { ["nextest", "run"].as_slice() } else { ["test"].as_slice() });
            // All tests run, so that one failure does not hide another.
            command.args(["--workspace", "--no-fail-fast"]).args(&self.arguments);
            environment.apply(in_root(workspace, command))
        });
        // `cargo test` has run the doc tests already.
        if with_nextest && self.arguments.is_empty() {
            report.step("doc tests", || {
                let mut command = cargo();
                command.args(["test", "--workspace", "--doc", "--quiet"]);
                environment.apply(in_root(workspace, command))
            });
        }
        drop(cluster);
    }
}

/// The variables for the tests.
#[derive(Default)]
struct Environment(Vec<(&'static str, String)>);

impl Environment {
    fn start_postgres(&mut self, workspace: &Workspace, report: &mut Report) -> Option<Cluster> {
        if let Some(url) = process::variable(POSTGRES) {
            self.0.push((POSTGRES, url));
            return None;
        }
        let mut cluster = None;
        let started = report.try_step("postgres", || {
            cluster = Some(Cluster::start(workspace)?);
            Ok(())
        });
        if let Err(error) = started {
            report.missing("the tests on PostgreSQL", &format!("{error} (--sqlite-only accepts that)"));
        }
        let running = cluster?;
        self.0.push((POSTGRES, running.url()));
        self.0.push(("TRUNKLINE_TEST_POSTGRES_BIN", running.programs().display().to_string()));
        Some(running)
    }

    fn install_standins(&mut self, workspace: &Workspace, report: &mut Report) {
        let Some(source) = standins::source(workspace) else { return };
        match report.try_step("stand-ins", || standins::install(workspace, &source)) {
            Ok(folder) => self.0.push(("TRUNKLINE_STANDINS", folder.display().to_string())),
            Err(error) => report.missing("the tests against the vendors' own SDKs", &error),
        }
        match standins::python() {
            Ok(python) => drop(report.step("schemathesis", || standins::install_with(&python, workspace))),
            Err(error) if process::variable("CI").is_some() => report.missing("schemathesis", &error.to_string()),
            Err(error) => report.skip("schemathesis", &error.to_string()),
        }
    }

    fn apply(&self, mut command: Command) -> Result<()> {
        command.env_remove(POSTGRES).envs(self.0.iter().map(|(name, value)| (name, value)));
        run(&mut command)
    }
}

fn in_root(workspace: &Workspace, mut command: Command) -> Command {
    command.current_dir(&workspace.root);
    command
}

fn checks(workspace: &Workspace, report: &mut Report) {
    report.step("fmt", || run(in_root(workspace, cargo()).args(["fmt", "--all", "--check"])));
    report.step("tidy", || tidy::check(workspace));
    report.step("clippy", || {
        let words = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        run(in_root(workspace, cargo()).args(words))
    });
}

fn dependencies(workspace: &Workspace, report: &mut Report) {
    if find("cargo-deny").is_none() {
        report.skip("deny", "cargo-deny is not installed");
        return;
    }
    report.step("deny", || run(in_root(workspace, cargo()).args(["deny", "check"])));
}
