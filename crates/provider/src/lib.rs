//! The interface of vendors: their settings, the webhooks that they send, the HTTP client that calls them, and the
//! contract that every vendor is tested against. No vendor is named here.

pub mod auth;
mod category;
pub mod contract;
pub mod email;
pub mod http;
pub mod messaging;
pub mod payments;
pub mod settings;
pub mod signature;
mod vendor;
mod webhook;

pub use vendor::{BoxedSource, NoWebhooks, Registry, Vendor, VendorEntry, WebhookState};
pub use webhook::{Challenge, Received, WebhookRequest, WebhookSource};
