//! The project's own commands, one small file each: `cargo xtask --help`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program talks to a terminal")]

mod bench;
mod cluster;
mod dev;
mod fuzz;
mod generate;
mod interrupt;
mod mutants;
mod new;
mod postgres;
mod process;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and start a development server; further arguments go to `trunkline dev`
    Dev(dev::Dev),
    /// Install or start what the tests need, then run everything on both databases
    Test(test::Test),
    /// Check the invariants that ARCHITECTURE.md states.
    Tidy,
    /// Write the files that the binary generates
    Generate(generate::Generate),
    /// Create the files of a new vendor or feature
    #[command(subcommand)]
    New(new::New),
    /// Run the seeded fuzz tests of the vendors for longer than `test` does.
    Fuzz(fuzz::Fuzz),
    /// Run the benchmarks
    Bench(bench::Bench),
    /// Remove guards, one at a time, and show that the isolation suite fails
    Mutants(mutants::Mutants),
    /// Run a temporary PostgreSQL until Ctrl-C, and print its address
    Postgres,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    interrupt::watch()?;
    match command {
        Command::Dev(dev) => dev.run(),
        Command::Test(test) => test.run(),
        Command::Tidy => tidy::run(),
        Command::Generate(generate) => generate.run(),
        Command::New(new) => new.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::Bench(bench) => bench.run(),
        Command::Mutants(mutants) => mutants.run(),
        Command::Postgres => postgres::run(),
    }
}
