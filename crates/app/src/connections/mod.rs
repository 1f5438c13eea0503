//! Connections: an organization's accounts at vendors. They are how an event finds its organization.

mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub use model::{Connection, ConnectionId, route_key};
pub use mutations::{AddConnection, add, ensure};
pub use queries::{ListConnections, list};

/// The operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry.module("connections", "Organizations' accounts at vendors").query::<ListConnections>();
}
