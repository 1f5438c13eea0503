//! The states of an entry.

use kernel::{Error, Result};

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not before its time: delayed, or waiting for its next attempt.
    Scheduled,
    /// Waiting for a worker.
    Ready,
    /// A worker had it when its process died: it runs again with few beside it, or with nothing.
    Suspect,
    /// A worker has it.
    Running,
    /// Done.
    Processed,
    /// Nobody handles this kind of event.
    Ignored,
    /// An event of an organization that is not known yet.
    Unresolved,
    /// Given up, with its error, until somebody retries it.
    Dead,
    /// Taken back before it ran.
    Cancelled,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Scheduled,
        Self::Ready,
        Self::Suspect,
        Self::Running,
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
            Self::Ready => "ready",
            Self::Suspect => "suspect",
            Self::Running => "running",
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

    /// As people who look at events see it: everything that is still to be done is `pending`.
    pub fn status(self) -> &'static str {
        match self {
            Self::Scheduled | Self::Ready | Self::Suspect | Self::Running => "pending",
            Self::Processed | Self::Ignored | Self::Unresolved | Self::Dead | Self::Cancelled => self.as_str(),
        }
    }

    /// The states that are seen as `status`.
    pub fn of_status(status: &str) -> Vec<Self> {
        Self::ALL.into_iter().filter(|state| state.status() == status || state.as_str() == status).collect()
    }
}
