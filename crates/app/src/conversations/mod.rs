//! Conversations: threads with a contact on one channel. One of them is open at a time.

mod model;
mod mutations;
mod queries;
mod store;

pub(crate) use model::News;
pub use model::{Conversation, ConversationId, Status};
pub(crate) use mutations::{merge, note, unmerge};
pub use queries::list;
