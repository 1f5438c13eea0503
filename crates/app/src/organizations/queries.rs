//! Finding organizations.

use ::store::{Db, Tx};
use kernel::{OrgId, Result, Scope};

use super::{Organization, store};

/// All organizations, oldest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db) -> Result<Vec<Organization>> {
    db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let mut organizations = store::all(tx).await?;
            for organization in &mut organizations {
                organization.external_ids = store::names(tx, &organization.id).await?;
            }
            Ok(organizations)
        })
    })
    .await
}

/// The ids of all organizations, for what is done to each in turn.
pub(crate) async fn ids(db: &Db) -> Result<Vec<OrgId>> {
    db.read(&Scope::System, |tx| Box::pin(store::ids(tx))).await
}

/// The organization with this id or this external id.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn find(db: &Db, name: &str) -> Result<Option<Organization>> {
    let name = name.to_owned();
    db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let Some(id) = named(tx, &name).await? else { return Ok(None) };
            let Some(mut organization) = store::one(tx, &id).await? else { return Ok(None) };
            organization.external_ids = store::names(tx, &id).await?;
            Ok(Some(organization))
        })
    })
    .await
}

/// The id of the organization with this id or this external id.
pub(crate) async fn named(tx: &mut Tx, name: &str) -> Result<Option<OrgId>> {
    store::id_of(tx, name).await
}

/// Whether there is such an organization.
pub(crate) async fn exists(tx: &mut Tx, id: &OrgId) -> Result<bool> {
    Ok(store::one(tx, id).await?.is_some())
}
