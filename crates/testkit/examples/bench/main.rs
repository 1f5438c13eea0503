//! The benchmarks: `cargo xtask bench` builds and runs them.
//!
//! One process makes the load and measures; the servers are children of it, one at a time, on the same machine.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the terminal")]

mod database;
mod http;
mod inbox;
mod live;
mod machine;
mod nodes;
mod program;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures.
#[derive(Parser)]
enum Command {
    /// Webhooks in.
    #[command(subcommand)]
    Inbox(inbox::Inbox),
    /// Live queries.
    #[command(subcommand)]
    Live(live::Live),
    /// Several nodes on one PostgreSQL.
    Nodes(nodes::Options),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Inbox(inbox) => inbox.run(),
        Command::Live(live) => live.run(),
        Command::Nodes(options) => runtime(1)?.block_on(nodes::run(options)),
    }
}

fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}
