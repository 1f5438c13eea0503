//! Runs the isolation suite once for each mutant.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Mutant;
use crate::{cluster::Cluster, interrupt, process, workspace::Workspace};

/// The variable with the address of PostgreSQL for the tests.
const POSTGRES: &str = "TRUNKLINE_TEST_POSTGRES";
/// A run that takes longer counts as a failure.
const LONGEST: Duration = Duration::from_secs(600);
/// The parts of the suite that run on both databases.
const PARTS: [&str; 4] = ["likeness", "outsiders", "roles", "watching"];

/// The suite, compiled from the copy.
pub(super) struct Suite {
    binary: PathBuf,
    cluster: Option<Cluster>,
    postgres: Option<String>,
}

/// The result of a mutant.
pub(super) struct Outcome {
    mutant: Mutant,
    /// The part of the suite that failed.
    pub(super) killed_by: Option<String>,
    seconds: f64,
}

impl Outcome {
    /// Returns whether the suite failed as it should, or the guard is listed as redundant.
    pub(super) fn is_fine(&self) -> bool {
        self.killed_by.is_some() != self.mutant.redundant.is_some()
    }

    pub(super) fn line(&self) -> String {
        let verdict = match (&self.killed_by, self.mutant.redundant) {
            (Some(by), None) => format!("killed by {by}"),
            (None, None) => "SURVIVED".to_owned(),
            (None, Some(why)) => format!("redundant: {why}"),
            (Some(by), Some(_)) => format!("killed by {by}, though it is listed as redundant"),
        };
        format!("{:70} {verdict} ({:.0} s)", self.mutant.name, self.seconds)
    }
}

impl Suite {
    pub(super) fn build(workspace: &Workspace, source: &Path, with_postgres: bool) -> Result<Self> {
        let mut build = process::cargo();
        // The dependencies are the same as those of the workspace, and compiled already.
        build.args(["test", "-p", "trunkline", "--test", "isolation", "--no-run"]);
        build.arg("--message-format=json-render-diagnostics");
        build.env("CARGO_TARGET_DIR", &workspace.target).current_dir(source).stderr(Stdio::inherit());
        let messages = process::output(&mut build)?;
        let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let binary = built.filter(|message| message["target"]["name"] == "isolation");
        let binary = binary.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
        let given = process::variable(POSTGRES);
        let cluster = if with_postgres && given.is_none() { Some(Cluster::start(workspace)?) } else { None };
        let postgres = given.or_else(|| cluster.as_ref().map(Cluster::url)).filter(|_| with_postgres);
        Ok(Self { binary: binary.context("cargo has built no test called isolation")?, cluster, postgres })
    }

    /// Checks that the suite passes with all guards, without which a failure would prove nothing.
    pub(super) fn check_unmutated(&self) -> Result<()> {
        for part in PARTS {
            ensure!(self.passes("", part, "", false), "the suite's {part} fails with all guards on");
        }
        ensure!(
            self.postgres.is_none() || self.passes("", "wall", "", true),
            "the suite's wall fails with all guards on"
        );
        Ok(())
    }

    /// Runs the suite for each mutant, several at a time.
    pub(super) fn run_all(&self, mutants: &[Mutant]) -> Vec<Outcome> {
        let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                if interrupt::seen().is_some() {
                    return;
                }
                let outcome = self.outcome(mutant);
                println!("{}", outcome.line());
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
            }
        };
        thread::scope(|scope| {
            let workers = thread::available_parallelism().map_or(1, usize::from);
            (0..workers).for_each(|_| drop(scope.spawn(work)));
        });
        outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn outcome(&self, mutant: &Mutant) -> Outcome {
        let began = Instant::now();
        let killed_by = self.killer(mutant);
        Outcome { mutant: mutant.clone(), killed_by, seconds: began.elapsed().as_secs_f64() }
    }

    /// Returns the first part of the suite that fails; the likeliest and fastest parts run first.
    fn killer(&self, mutant: &Mutant) -> Option<String> {
        if mutant.postgres {
            return (!self.passes(&mutant.name, "wall", "", true)).then(|| "wall".to_owned());
        }
        let others = PARTS.into_iter().filter(|part| *part != mutant.first);
        let parts: Vec<_> = [mutant.first].into_iter().chain(others).collect();
        let quick = parts.iter().map(|part| (*part, mutant.operations.as_str()));
        let whole = parts.iter().map(|part| (*part, "")).filter(|_| !mutant.operations.is_empty());
        let mut tries = quick.chain(whole);
        tries.find(|(part, only)| !self.passes(&mutant.name, part, only, false)).map(|(part, _)| part.to_owned())
    }

    fn passes(&self, mutant: &str, part: &str, only: &str, on_postgres: bool) -> bool {
        let mut run = Command::new(&self.binary);
        run.args([part, "--test-threads=1"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        run.env("TRUNKLINE_MUTANT", mutant).env("ISOLATION_ONLY", only).env("RUST_BACKTRACE", "0").env_remove(POSTGRES);
        if let Some(url) = self.postgres.as_ref().filter(|_| on_postgres) {
            run.env(POSTGRES, url);
        }
        let Ok(mut child) = run.spawn() else { return false };
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if began.elapsed() < LONGEST => thread::sleep(Duration::from_millis(50)),
                Ok(None) | Err(_) => {
                    child.kill().and_then(|()| child.wait()).map(drop).unwrap_or_default();
                    return false;
                }
            }
        }
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        // The cluster stops when its last user ends.
        drop(self.cluster.take());
    }
}
