//! The steps of a test run: which ones ran, with which result, and which were skipped.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::interrupt;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(&'static str, Outcome)>,
    missing: Vec<String>,
}

enum Outcome {
    Good(Duration),
    Failed,
    Skipped(String),
}

impl Report {
    /// Runs one step; a failure is printed and does not end the run.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> bool {
        self.try_step(name, work).is_ok()
    }

    /// Runs one step and returns its result, or the failure as a sentence.
    pub(crate) fn try_step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T, String> {
        if interrupt::seen().is_some() {
            self.skip(name, "interrupted");
            return Err("interrupted".into());
        }
        eprintln!("\n── {name}");
        let start = Instant::now();
        match work() {
            Ok(value) => {
                self.steps.push((name, Outcome::Good(start.elapsed())));
                Ok(value)
            }
            Err(error) => {
                eprintln!("{name} failed: {error:#}");
                self.steps.push((name, Outcome::Failed));
                Err(format!("{error:#}"))
            }
        }
    }

    /// Records a step that is not needed here.
    pub(crate) fn skip(&mut self, name: &'static str, why: &str) {
        self.steps.push((name, Outcome::Skipped(why.into())));
    }

    /// Records a step that should have run and could not, which is a failure.
    pub(crate) fn missing(&mut self, what: &str, why: &str) {
        self.missing.push(format!("{what}: {why}"));
    }

    /// Returns whether every step that should have run did, and passed.
    pub(crate) fn is_good(&self) -> bool {
        let failed = self.steps.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed));
        !failed && self.missing.is_empty() && interrupt::seen().is_none()
    }

    /// Prints one line for the steps, and one for each that did not run.
    pub(crate) fn print(&self) {
        eprintln!("\n── {}", self.summary());
        for missing in &self.missing {
            eprintln!("not run: {missing}");
        }
    }

    fn summary(&self) -> String {
        let words = self.steps.iter().map(|(name, outcome)| match outcome {
            Outcome::Good(time) => format!("{name} ok ({} s)", time.as_secs()),
            Outcome::Failed => format!("{name} FAILED"),
            Outcome::Skipped(why) => format!("{name} skipped ({why})"),
        });
        words.collect::<Vec<_>>().join(" · ")
    }
}
