//! Who takes money: checkout, subscriptions, refunds.

provider::category! { payments: stripe::Stripe, polar::Polar, lemon_squeezy::LemonSqueezy }
