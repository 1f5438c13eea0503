//! The queue: what is to be done, once, whatever happens. An event from a vendor is an entry like any other.

mod by_key;
pub(crate) mod claim;
mod context;
mod depth;
mod enqueue;
mod fence;
mod job;
mod known;
mod list;
pub(crate) mod promote;
mod seq;
pub(crate) mod sql;
mod state;
pub(crate) mod suspects;
pub(crate) mod throttle;

pub use by_key::{JobKey, cancel, reschedule};
pub(crate) use claim::Claimed;

pub(crate) use context::Tools;
pub use context::{JobCtx, Progress};
pub use depth::{Depth, Depths};
pub(crate) use enqueue::Template;
pub(crate) use enqueue::hash;
pub use enqueue::{NewJob, enqueue};
pub use fence::Fence;
pub(crate) use fence::{CLAIM_LOST, claim_lost};
pub(crate) use job::{Erased, SNOOZED, TIMEOUT, erase, erased};
pub use job::{Job, snooze};
pub use known::Known;
pub use list::{JobFilter, JobRow, cancel_job, jobs, retry_job};
pub(crate) use list::{newest_of_each, states};
pub use seq::{EventId, JobId, Seq};
pub use state::State;
pub use throttle::Throttle;

/// The kind of the entries that are events.
pub(crate) const EVENT: &str = "event";
