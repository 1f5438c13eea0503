//! Providers of payments: checkout, subscriptions, refunds.

mod metadata;
mod reading;

use std::sync::Arc;

use provider::{Vendor, payments::Reader};

/// Returns the reader of each vendor's events.
pub fn readers() -> Vec<(&'static str, Arc<dyn Reader>)> {
    vec![
        (stripe::Stripe::ID, Arc::new(stripe::Reader)),
        (polar::Polar::ID, Arc::new(polar::Reader)),
        (lemon_squeezy::LemonSqueezy::ID, Arc::new(lemon_squeezy::Reader)),
    ]
}

provider::category! { payments: stripe::Stripe, polar::Polar, lemon_squeezy::LemonSqueezy }
