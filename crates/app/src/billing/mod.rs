//! Billing: the subscriptions of organizations, and the products on sale.
//!
//! Vendors' events arrive late, twice and out of order. Of all versions the greatest is stored, in an order that does
//! not depend on arrival, so that the same events in any order lead to the same state.

mod events;
mod model;
mod mutations;
mod plan;
mod queries;
mod store;

use engine::{Handlers, Keep, OldTenantRows, Registry, Sweep};

pub(crate) use events::Events;
pub use model::{Product, Subscription, SubscriptionId};
pub use plan::{Plan, PlanStatus};
pub(crate) use plan::{Seat, status};
pub use queries::{
    BillingInfo, GetBillingInfo, GetUsageStats, ListSubscriptions, PlanStats, Usage, UsageStats, Used, configure,
    products, subscriptions,
};
pub(crate) use queries::{plan, room, room_for_one};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("billing", "Subscriptions of an organization, and the limits of its plan")
        .query::<GetUsageStats>()
        .query::<GetBillingInfo>()
        .query::<ListSubscriptions>();
}

/// Registers the sweep that deletes billing snapshots of customers about whom no event has come for a long time. Their effects
/// are in the subscriptions, and no vendor repeats an event after so long.
pub(crate) fn handle(handlers: &mut Handlers) {
    let snapshots = OldTenantRows {
        table: "billing_snapshots",
        key: &["provider", "customer_id"],
        at: "taken_ms",
        only: "1 = 1",
        children: &[],
    };
    handlers.sweep(Sweep::tenant_rows("billing-snapshots", Keep::days("TRUNKLINE_SNAPSHOT_RETENTION", 400), snapshots));
}
