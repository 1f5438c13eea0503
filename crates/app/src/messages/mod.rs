//! Messages: each stored once, with the delivery steps of outgoing ones.

mod domain;
mod events;
mod model;
mod mutations;
mod queries;
mod store;
mod together;

use engine::{Handlers, Keep, OldTenantRows, Registry, Sweep};

pub use domain::MessageReceived;
pub(crate) use events::Events;
pub use model::{Direction, Message, MessageId, Status};
pub(crate) use mutations::{move_all, move_back, newest_of};
pub use queries::{PageMessages, list};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry.module("messages", "The messages of conversations").query::<PageMessages>();
}

/// Registers the sweep that deletes delivery steps whose message never arrived: another program sent it with the same account.
pub(crate) fn handle(handlers: &mut Handlers) {
    let steps = OldTenantRows {
        table: "early_statuses",
        key: &["external_id", "status"],
        at: "at_ms",
        only: "1 = 1",
        children: &[],
    };
    handlers.sweep(Sweep::tenant_rows("early-statuses", Keep::days("TRUNKLINE_INBOX_RETENTION", 30), steps));
}
