//! The queue: what is to be done, once, whatever happens. An event from a vendor is an entry like any other.

pub(crate) mod claim;
mod depth;
mod job;
mod list;
mod seq;
pub(crate) mod sql;
mod state;
pub(crate) mod suspects;

pub(crate) use claim::Claimed;

pub use depth::{Depth, depths};
pub(crate) use job::{Erased, Tools, announce, erase, hash};
pub use job::{Job, JobCtx, NewJob, Progress, enqueue};
pub(crate) use list::states;
pub use list::{JobFilter, JobRow, cancel_job, jobs, retry_job};
pub use seq::{EventId, JobId, Seq};
pub use state::State;

/// The channel on which nodes tell one another that there is something to do.
pub(crate) const CHANNEL: &str = "trunkline_jobs";
/// The kind of the entries that are events.
pub(crate) const EVENT: &str = "event";
