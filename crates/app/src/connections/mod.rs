//! Connections: an organization's accounts at vendors. Events are routed to their organization by them.

mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub use model::{Connection, ConnectionId, route_key};
pub use mutations::{AddConnection, add, ensure};
pub use queries::{ListConnections, list};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry.module("connections", "Connections: organizations' accounts at vendors").query::<ListConnections>();
}
