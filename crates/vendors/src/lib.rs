//! The vendors, one file each: `src/<category>/<vendor>.rs`, listed in the category's `mod.rs`. Nothing else knows a
//! vendor's wire format.

mod loose;
pub mod messaging;
pub mod payments;
pub mod webhooks;

/// Every vendor, for the registry.
pub fn all() -> Vec<provider::VendorEntry> {
    [payments::entries(), messaging::entries(), webhooks::entries()].concat()
}
