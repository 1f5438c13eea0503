//! Contacts: the people who write to an organization, and what they are called on each channel.
//!
//! Nobody is known by one name for ever: phone numbers are hidden, changed and given to others. A contact is found by
//! any name that it has, and two contacts that turn out to be one person are merged, in a way that can be undone.

mod merge;
mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub use merge::unmerge;
pub use model::{Contact, ContactId, Identity, Kind, Merge};
pub(crate) use mutations::{recall, rename, resolve};
pub use queries::{ListContacts, PageContacts, list, merges};

/// The operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry.module("contacts", "People who write to an organization").query::<ListContacts>().query::<PageContacts>();
}
