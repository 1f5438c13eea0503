//! Messages: each stored once, with the delivery steps of outgoing ones.

mod events;
mod jobs;
mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub(crate) use events::Events;
pub(crate) use jobs::handle;
pub use model::{Direction, Message, MessageId, Status};
pub(crate) use mutations::{move_all, move_back, newest_of};
pub use queries::{PageMessages, list};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry.module("messages", "The messages of conversations").query::<PageMessages>();
}
