//! Live queries: from a commit to those who watch.
//!
//! What is measured is the real binary on each database, and beside it a *ceiling*: a bare broadcast of the same bytes from
//! the same HTTP stack, heard by the same clients.

mod ceiling;
mod fan;
mod flood;
mod marks;
mod mutations;
mod people;
mod report;
mod rest;
mod run;
mod socket;
mod spread;
mod target;

use clap::Subcommand;

/// Measures live queries.
#[derive(Subcommand)]
pub(crate) enum Live {
    /// Run everything side by side and print a table.
    Run(Box<run::Options>),
    /// Serve the ceiling: what `run` starts.
    Ceiling,
}

impl Live {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Run(options) => crate::runtime(1)?.block_on(run::run(*options)),
            Self::Ceiling => crate::runtime(2)?.block_on(ceiling::serve()),
        }
    }
}
