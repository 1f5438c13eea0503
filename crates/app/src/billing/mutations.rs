//! Stores what the events of payments vendors say.

use ::store::Tx;
use engine::EventCtx;
use kernel::{Result, Time};
use provider::payments::{self, Owner};

use super::{
    model::{ProductVersion, Snapshot, Version},
    store::{self, StoredVersion},
};
use crate::organizations;

/// The event that a change comes from.
pub(super) struct Source {
    pub provider: String,
    /// The time of the event, for changes that have no time of their own.
    pub at: Time,
}

/// Returns the route key of a customer.
pub(super) fn customer_key(provider: &str, customer: &str) -> String {
    format!("{provider}:customer:{customer}")
}

/// Returns the route key of a subscription.
pub(super) fn subscription_key(provider: &str, subscription: &str) -> String {
    format!("{provider}:subscription:{subscription}")
}

/// Adds routes, so that later events about the same customer or subscription find the organization, and releases the
/// events that waited for them. A route of another organization is left as it is.
pub(super) async fn claim(ctx: &mut EventCtx<'_>, source: &Source, owner: &Owner) -> Result<()> {
    if let Some(subscription) = &owner.subscription {
        ctx.add_route(subscription_key(&source.provider, subscription)).await?;
    }
    if let Some(customer) = &owner.customer {
        ctx.add_route(customer_key(&source.provider, customer)).await?;
    }
    Ok(())
}

/// Stores a version of a subscription. Returns false when the stored version is newer.
pub(super) async fn keep(ctx: &mut EventCtx<'_>, source: &Source, shown: &payments::Subscription) -> Result<bool> {
    if let Some(product) = &shown.product {
        keep_product(ctx.tx, source, product).await?;
    }
    let version = Version::of(shown, source.at);
    let known = store::find(ctx.tx, &source.provider, &shown.id).await?;
    if known.as_ref().is_some_and(|known| known.version >= version) {
        return Ok(false);
    }
    let snapshot = match &version.customer {
        Some(customer) => store::snapshot(ctx.tx, &source.provider, customer).await?,
        None => None,
    };
    let standing = version.standing(&shown.id, snapshot.as_ref());
    let kept = StoredVersion { external_id: shown.id.clone(), version };
    let (id, now) = (ctx.new_id(), ctx.now());
    store::upsert(ctx.tx, &id, &source.provider, &kept, standing, now).await?;
    Ok(true)
}

/// Stores a snapshot of a customer: subscriptions that it lists run, the others do not. Returns false when the stored
/// snapshot is newer.
pub(super) async fn keep_snapshot(ctx: &mut EventCtx<'_>, source: &Source, shown: &payments::Snapshot) -> Result<bool> {
    let snapshot = Snapshot::of(shown, source.at);
    for running in &shown.running {
        if is_ours(ctx, source, running).await? {
            keep(ctx, source, running).await?;
        }
    }
    let known = store::snapshot(ctx.tx, &source.provider, &shown.customer).await?;
    if known.is_some_and(|known| known >= snapshot) {
        return Ok(false);
    }
    store::set_snapshot(ctx.tx, &source.provider, &shown.customer, &snapshot).await?;
    for kept in store::of_customer(ctx.tx, &source.provider, &shown.customer).await? {
        let standing = kept.version.standing(&kept.external_id, Some(&snapshot));
        store::set_standing(ctx.tx, &source.provider, &kept.external_id, standing).await?;
    }
    Ok(true)
}

/// Stores a version of a product. Returns false when the stored version is newer.
pub(super) async fn keep_product(tx: &mut Tx, source: &Source, shown: &payments::Product) -> Result<bool> {
    let product = ProductVersion::of(shown, source.at);
    let known = store::product(tx, &source.provider, &shown.id).await?;
    if known.is_some_and(|known| known >= product) {
        return Ok(false);
    }
    store::upsert_product(tx, &source.provider, &shown.id, &product).await?;
    Ok(true)
}

/// Returns whether a subscription of a snapshot belongs to this organization: one customer may pay for several
/// organizations.
async fn is_ours(ctx: &mut EventCtx<'_>, source: &Source, running: &payments::Subscription) -> Result<bool> {
    if store::find(ctx.tx, &source.provider, &running.id).await?.is_some() {
        return Ok(true);
    }
    let ours = ctx.organization()?.clone();
    for name in &running.organizations {
        if organizations::named(ctx.tx, name).await?.is_some_and(|named| named != ours) {
            return Ok(false);
        }
    }
    ctx.add_route(subscription_key(&source.provider, &running.id)).await
}
