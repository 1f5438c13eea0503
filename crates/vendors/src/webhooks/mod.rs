//! Other senders of webhooks.

provider::category! { webhooks: generic::Generic }
