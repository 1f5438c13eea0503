//! Billing: what organizations pay for, and what is on sale.
//!
//! Vendors' events come late, twice and out of order. What is kept is the greatest version in an order that does not
//! depend on arrival, so that the same events in any order end in the same state.

mod events;
mod model;
mod mutations;
mod queries;
mod store;

pub(crate) use events::Events;
pub use model::{Product, Subscription, SubscriptionId};
pub use queries::{products, subscriptions};
