//! Listing subscriptions and products.

use ::store::Db;
use kernel::{OrgId, Result, Scope};

use super::{Product, Subscription, store};

/// An organization's subscriptions, newest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn subscriptions(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Subscription>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::newest(tx, limit))).await
}

/// What is on sale.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn products(db: &Db) -> Result<Vec<Product>> {
    db.read(&Scope::System, |tx| Box::pin(store::products(tx))).await
}
