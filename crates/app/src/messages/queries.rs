//! Listing messages.

use ::store::Db;
use kernel::{OrgId, Result};

use super::{Message, store};
use crate::conversations::ConversationId;

/// An organization's newest messages.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Message>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::newest(tx, limit))).await
}

/// The newest messages of a conversation.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn of_conversation(
    db: &Db,
    organization: &OrgId,
    conversation: &ConversationId,
    limit: i64,
) -> Result<Vec<Message>> {
    let conversation = conversation.clone();
    db.read(&organization.clone().into(), |tx| {
        Box::pin(async move { store::of_conversation(tx, &conversation, limit).await })
    })
    .await
}
