//! Anybody else who sends webhooks.

provider::category! { webhooks: generic::Generic }
