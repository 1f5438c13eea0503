//! Conversations: threads with a contact on one channel. One of them is open at a time.

mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub(crate) use model::News;
pub use model::{Conversation, ConversationId, Status};
pub(crate) use mutations::{merge, note, unmerge};
pub(crate) use queries::exists;
pub use queries::{ListConversations, PageConversations, list};

/// The operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry.module("conversations", "Threads with contacts").query::<ListConversations>().query::<PageConversations>();
}
