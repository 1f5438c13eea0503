//! Listing connections.

use ::store::Db;
use kernel::{OrgId, Result};

use super::{Connection, store};

/// An organization's connections, oldest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId) -> Result<Vec<Connection>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::all(tx))).await
}
