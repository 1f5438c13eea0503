//! Contacts: the people who write to an organization, and their identities on each channel.
//!
//! No identity lasts for ever: phone numbers are hidden, changed and reassigned. A contact is found by any identity
//! that it has. Two contacts that turn out to be one person are merged, and a merge can be undone.

mod merge;
mod model;
mod mutations;
mod queries;
mod store;
mod together;

use engine::{Children, Handlers, Keep, OldTenantRows, Owned, Registry, Sweep};

pub use merge::unmerge;
pub use model::{Contact, ContactId, Identity, Kind, Merge};
pub(crate) use mutations::{recall, rename, resolve};
pub use queries::{ListContacts, PageContacts, list, merges};
pub(crate) use together::resolve_first;

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("contacts", "Contacts: people who write to an organization")
        .query::<ListContacts>()
        .query::<PageContacts>();
}

/// Registers the sweep that deletes old merges of contacts. A merge cannot be undone after that. The decision that two contacts
/// are different people is kept.
pub(crate) fn handle(handlers: &mut Handlers) {
    let merges = OldTenantRows {
        table: "contact_merges",
        key: &["id"],
        at: "merged_ms",
        only: "undone_ms is null",
        children: &[Children { table: "contact_merge_items", parent: "merge_id", owned: Owned::ByOrganizations }],
    };
    handlers.sweep(Sweep::tenant_rows("contact-merges", Keep::days("TRUNKLINE_MERGE_RETENTION", 365), merges));
}
