//! Providers of messaging.

mod challenge;
mod meta;

use std::sync::Arc;

use provider::{Vendor, messaging::Reader};

/// Returns the reader of each vendor's events.
pub fn readers() -> Vec<(&'static str, Arc<dyn Reader>)> {
    vec![(whatsapp::WhatsApp::ID, Arc::new(meta::Reader)), (kapso::Kapso::ID, Arc::new(kapso::Reader))]
}

provider::category! { messaging: whatsapp::WhatsApp, kapso::Kapso }
