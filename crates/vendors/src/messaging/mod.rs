//! Who carries conversations.

mod challenge;
mod meta;

provider::category! { messaging: whatsapp::WhatsApp, kapso::Kapso }
