//! The states of an entry.

use kernel::{Error, Result};

/// The state of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Due later, or due and not ranked yet: delayed, waiting for its next attempt, or put back into the queue.
    Scheduled,
    /// Waits for a place in the limit that it shares with others.
    Throttled,
    /// Waits for a worker.
    Ready,
    /// No running node has a handler for it. It goes on by itself when a node starts that has one.
    Unhandled,
    /// A worker had it when its process died: it runs again with few beside it, or with nothing.
    Suspect,
    /// A worker has it.
    Running,
    /// A worker has it, and was told to stop. It ends as cancelled when its run ends.
    Cancelling,
    /// Done.
    Processed,
    /// An event of a kind that its handler has no use for.
    Ignored,
    /// An event of an organization that is not known yet.
    Unresolved,
    /// Given up, with its error, until somebody retries it.
    Dead,
    /// Cancelled before it ended.
    Cancelled,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 12] = [
        Self::Scheduled,
        Self::Throttled,
        Self::Ready,
        Self::Unhandled,
        Self::Suspect,
        Self::Running,
        Self::Cancelling,
        Self::Processed,
        Self::Ignored,
        Self::Unresolved,
        Self::Dead,
        Self::Cancelled,
    ];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Throttled => "throttled",
            Self::Ready => "ready",
            Self::Unhandled => "unhandled",
            Self::Suspect => "suspect",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Processed => "processed",
            Self::Ignored => "ignored",
            Self::Unresolved => "unresolved",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// `Internal` when it is none of them.
    pub fn parse(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::internal("state_unknown", format!("there is no state {text}")))
    }

    /// As people who look at events and jobs see it: everything that will be done by the nodes that run is `pending`.
    pub fn status(self) -> &'static str {
        match self {
            Self::Scheduled | Self::Throttled | Self::Ready | Self::Suspect | Self::Running => "pending",
            Self::Unhandled
            | Self::Cancelling
            | Self::Processed
            | Self::Ignored
            | Self::Unresolved
            | Self::Dead
            | Self::Cancelled => self.as_str(),
        }
    }

    /// The states that are seen as `status`.
    pub fn of_status(status: &str) -> Vec<Self> {
        Self::ALL.into_iter().filter(|state| state.status() == status || state.as_str() == status).collect()
    }
}
