//! Organizations: the tenants, and their ids in other systems.

mod account;
mod deletion;
mod jobs;
mod model;
mod mutations;
mod queries;
mod store;

use engine::{Handlers, Registry};

pub use account::Account;
pub use deletion::{DeleteOrganization, Deletion, DeletionStatus};
pub use model::{ExternalId, Organization, route_key};
pub use mutations::{CreateOrganization, FoundOrganization, UpdateOrganization, create, ensure};
pub use queries::{GetMyOrganization, HasOrganization, OrganizationStatus, find, list};
pub(crate) use queries::{exists, name_of, named};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("organizations", "Organizations, the tenants")
        .query::<GetMyOrganization>()
        .query::<HasOrganization>()
        .mutation::<FoundOrganization>()
        .mutation::<UpdateOrganization>()
        .mutation::<DeleteOrganization>();
}

/// Registers the jobs of this feature.
pub(crate) fn handle(handlers: &mut Handlers) {
    handlers.job::<jobs::EraseOrganization>();
}
