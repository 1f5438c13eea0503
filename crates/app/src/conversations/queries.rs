//! Listing conversations.

use ::store::Db;
use kernel::{OrgId, Result};

use super::{Conversation, store};

/// An organization's conversations, those with the newest messages first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Conversation>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::newest(tx, limit))).await
}
