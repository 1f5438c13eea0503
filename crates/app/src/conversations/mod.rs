//! Conversations: threads with a contact on one channel. At most one of a contact and channel is open.

mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub(crate) use model::NewMessage;
pub use model::{Conversation, ConversationId, Status};
pub(crate) use mutations::{gone, merge, note, note_all, unmerge};
pub(crate) use queries::exists;
pub use queries::{ListConversations, PageConversations, list};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("conversations", "Conversations with contacts")
        .query::<ListConversations>()
        .query::<PageConversations>();
}
