//! Organizations: the tenants, and what other systems call them.

mod model;
mod mutations;
mod queries;
mod store;

pub use model::{ExternalId, Organization, route_key};
pub use mutations::{CreateOrganization, create, ensure};
pub(crate) use queries::{exists, ids, named};
pub use queries::{find, list};
