//! `cargo xtask fuzz`: runs the vendors' seeded fuzz tests for longer.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::{
    process::{cargo, run},
    workspace::Workspace,
};

#[derive(Args)]
pub(crate) struct Fuzz {
    /// Inputs per vendor and round; each has the next seed.
    #[arg(long, default_value_t = 100_000)]
    iterations: u64,
    /// Begin further rounds until this much time has passed. Without it: one round.
    #[arg(long)]
    seconds: Option<u64>,
    /// The first seed; a failure names the one that repeats it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Fuzz {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let span = Duration::from_secs(self.seconds.unwrap_or(0));
        let start = Instant::now();
        let mut seed = self.seed;
        loop {
            let mut command = cargo();
            command.args(["test", "-p", "vendors", "fuzz::"]).current_dir(&workspace.root);
            command.env("TRUNKLINE_FUZZ_ITERATIONS", self.iterations.to_string());
            command.env("TRUNKLINE_FUZZ_SEED", seed.to_string());
            eprintln!("seed {seed}");
            run(&mut command)?;
            if start.elapsed() >= span {
                return Ok(());
            }
            seed = seed.saturating_add(self.iterations);
        }
    }
}
