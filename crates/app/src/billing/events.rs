//! Handles the events of payments vendors.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Applied, Event, EventCtx, EventHandler, Routing};
use kernel::{Error, Result};
use provider::payments::{Change, Notice, Owner, Reader};

use super::mutations::{self, Source};
use crate::organizations;

/// The handler of the events of one payments vendor.
pub(crate) struct Events {
    reader: Arc<dyn Reader>,
}

impl Events {
    pub(crate) fn new(reader: Arc<dyn Reader>) -> Self {
        Self { reader }
    }
}

#[async_trait]
impl EventHandler for Events {
    fn name(&self) -> &'static str {
        "billing"
    }

    fn routing(&self, event: &Event) -> Result<Routing> {
        let Some(Notice { owner, change }) = self.reader.read(&event.kind, &event.payload)? else {
            return Ok(Routing::Ignore);
        };
        match change {
            Change::Product(_) => Ok(Routing::System),
            // An event that names no organization and changes nothing has nothing to store.
            Change::Owned if owner.organizations.is_empty() => Ok(Routing::Ignore),
            Change::Owned | Change::Subscription(_) | Change::Snapshot(_) => {
                let keys = keys(&event.provider, &owner);
                if keys.is_empty() && event.connection.is_empty() {
                    return Err(Error::bad_request(
                        "owner_missing",
                        "the event names no organization, customer or subscription",
                    ));
                }
                Ok(Routing::Keys(keys))
            }
        }
    }

    async fn apply(&self, ctx: &mut EventCtx<'_>, event: &Event) -> Result<Applied> {
        let source = Source { provider: event.provider.clone(), at: event.occurred_at.unwrap_or(event.received_at) };
        let Some(Notice { owner, change }) = self.reader.read(&event.kind, &event.payload)? else {
            return Ok(Applied::Ignored);
        };
        let news = match change {
            Change::Product(product) => mutations::keep_product(ctx.tx, &source, &product).await?,
            Change::Owned => mutations::claim(ctx, &source, &owner).await.map(|()| true)?,
            Change::Subscription(subscription) => {
                mutations::claim(ctx, &source, &owner).await?;
                mutations::keep(ctx, &source, &subscription).await?
            }
            Change::Snapshot(snapshot) => {
                mutations::claim(ctx, &source, &owner).await?;
                mutations::keep_snapshot(ctx, &source, &snapshot).await?
            }
        };
        Ok(if news { Applied::Done } else { Applied::Ignored })
    }
}

/// Returns the route keys of an event, in the order in which they are tried: the subscription keeps its organization; a
/// new subscription belongs to the organization in its metadata; without metadata it belongs to the organization of the
/// customer's other subscriptions. The reasons are in `docs/decisions/0021-whose-payment.md`.
fn keys(provider: &str, owner: &Owner) -> Vec<String> {
    let subscription = owner.subscription.iter().map(|id| mutations::subscription_key(provider, id));
    let organizations = owner.organizations.iter().map(|name| organizations::route_key(name));
    let customer = owner.customer.iter().map(|id| mutations::customer_key(provider, id));
    subscription.chain(organizations).chain(customer).collect()
}
