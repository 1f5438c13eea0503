//! The inbox: webhooks in.
//!
//! Every variant is the same HTTP stack and the same signature check; what differs is what stands behind:
//!
//! - `ceiling`: nothing. What HTTP and the signature cost.
//! - `naive`: one transaction for each event.
//! - `ours`: the inbox, without workers.
//! - `end to end`: the real binary, workers and all, until the last event has ended: events of many customers that nobody
//!   handles.
//! - `one lane`: the same, when all events are one customer's.
//! - `handled 5k`, `handled 500k`: the real binary, which finds so many WhatsApp messages waiting.

mod backlog;
mod events;
mod grow;
pub(crate) mod load;
mod report;
mod run;
mod variant;

use clap::Subcommand;

pub(crate) use events::{Events, SECRETS};

/// Measures the inbox.
#[derive(Subcommand)]
pub(crate) enum Inbox {
    /// Run all variants side by side and print a table.
    Run(run::Options),
    /// Serve one variant: what `run` starts.
    Serve(variant::Options),
    /// Fill a database with events that were handled long ago.
    Grow(grow::Options),
}

impl Inbox {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Run(options) => crate::runtime(1)?.block_on(run::run(options)),
            Self::Serve(options) => crate::runtime(2)?.block_on(variant::serve(options)),
            Self::Grow(options) => crate::runtime(2)?.block_on(grow::grow(options)),
        }
    }
}
