//! The vendors, one file each: `src/<category>/<vendor>.rs`, listed in the category's `mod.rs`. Only these files know a
//! vendor's wire format.

pub mod ai;
mod array;
pub mod auth;
pub mod crm;
pub mod email;
mod loose;
pub mod messaging;
pub mod payments;
pub mod webhooks;

/// Returns every vendor, for the registry.
pub fn all() -> Vec<provider::VendorEntry> {
    [
        payments::entries(),
        auth::entries(),
        email::entries(),
        messaging::entries(),
        crm::entries(),
        ai::entries(),
        webhooks::entries(),
    ]
    .concat()
}
