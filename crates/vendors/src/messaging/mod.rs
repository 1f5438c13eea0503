//! Who carries conversations.

mod challenge;
mod meta;

use std::sync::Arc;

use provider::{Vendor, messaging::Reader};

/// Who reads the events of each vendor.
pub fn readers() -> Vec<(&'static str, Arc<dyn Reader>)> {
    vec![(whatsapp::WhatsApp::ID, Arc::new(meta::Reader)), (kapso::Kapso::ID, Arc::new(kapso::Reader))]
}

provider::category! { messaging: whatsapp::WhatsApp, kapso::Kapso }
