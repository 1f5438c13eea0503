//! `cargo xtask mutants`: removes the guards of the product, one at a time, and shows that the isolation suite fails.
//!
//! The sources are copied below `target`, and every guard in the copy gets a switch that a variable controls, so that
//! everything is compiled once. The product itself has no such switches.

mod copy;
mod guards;
mod run;
mod statements;

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct Mutants {
    /// Run only the mutants whose names contain this text.
    #[arg(long)]
    only: Option<String>,
    /// Skip PostgreSQL, and with it the policies.
    #[arg(long)]
    sqlite_only: bool,
    /// Print the names, and run nothing.
    #[arg(long)]
    list: bool,
}

/// A guard that can be switched off.
#[derive(Clone, Debug)]
struct Mutant {
    /// The value of `TRUNKLINE_MUTANT` that switches it off.
    name: String,
    /// The prefix of the names of the operations that need it; these are tested first, because that is faster.
    operations: String,
    /// The tests that find it first.
    first: &'static str,
    /// Whether it exists on PostgreSQL only.
    postgres: bool,
    /// The reason why its absence has no visible effect.
    redundant: Option<&'static str>,
}

impl Mutants {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let began = Instant::now();
        let (source, mut mutants) = copy::make(&workspace)?;
        mutants.retain(|mutant| self.only.as_ref().is_none_or(|only| mutant.name.contains(only.as_str())));
        mutants.retain(|mutant| !(self.sqlite_only && mutant.postgres));
        if self.list {
            mutants.iter().for_each(|mutant| println!("{}", mutant.name));
            return Ok(());
        }
        let suite = run::Suite::build(&workspace, &source, mutants.iter().any(|mutant| mutant.postgres))?;
        suite.check_unmutated()?;
        let results = suite.run_all(&mutants);
        let survived: Vec<_> = results.iter().filter(|result| !result.is_fine()).collect();
        let killed = results.iter().filter(|result| result.killed_by.is_some()).count();
        let redundant = results.len() - killed - survived.len();
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        println!("{} mutants: {killed} killed, {redundant} redundant, in {minutes:.1} minutes", results.len());
        ensure!(
            survived.is_empty(),
            "not as it should be: {:#?}",
            survived.iter().map(|it| it.line()).collect::<Vec<_>>()
        );
        Ok(())
    }
}
