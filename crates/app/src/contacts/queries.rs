//! Listing contacts.

use ::store::Db;
use kernel::{OrgId, Result};

use super::{Contact, Kind, Merge, store};

/// An organization's newest contacts.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Contact>> {
    db.read(&organization.clone().into(), |tx| {
        Box::pin(async move {
            let mut contacts = store::newest(tx, limit).await?;
            for (contact, identity) in store::identities_of_newest(tx, limit).await? {
                if let Some(contact) = contacts.iter_mut().find(|other| other.id == contact) {
                    // Oldest first: the newest is what is shown.
                    match identity.kind {
                        Kind::Phone => contact.phone = Some(identity.value.clone()),
                        Kind::Username => contact.username = Some(identity.value.clone()),
                        Kind::Bsuid | Kind::ParentBsuid => {}
                    }
                    contact.identities.push(identity);
                }
            }
            Ok(contacts)
        })
    })
    .await
}

/// The contacts that were found to be one person, newest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn merges(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Merge>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::merges(tx, limit))).await
}
