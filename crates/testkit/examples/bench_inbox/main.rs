//! The inbox's benchmark: `cargo xtask bench inbox` builds and runs it.
//!
//! One process makes the load and measures; the servers are children of it, one at a time, on the same machine. Every
//! variant is the same HTTP stack and the same signature check; what differs is what stands behind:
//!
//! - `ceiling`: nothing. What HTTP and the signature cost.
//! - `naive`: one transaction for each event.
//! - `ours`: the inbox, without workers.
//! - `end to end`: the real binary, workers and all, until the last event is handled.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the terminal")]

mod events;
mod grow;
mod load;
mod machine;
mod report;
mod run;
mod variant;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the inbox.
#[derive(Parser)]
enum Command {
    /// Run all variants side by side and print a table.
    Run(run::Options),
    /// Serve one variant: what `run` starts.
    Serve(variant::Options),
    /// Fill a database with events that were handled long ago.
    Grow(grow::Options),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Run(options) => runtime(1)?.block_on(run::run(options)),
        Command::Serve(options) => runtime(2)?.block_on(variant::serve(options)),
        Command::Grow(options) => runtime(2)?.block_on(grow::grow(options)),
    }
}

fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}
