//! The tenant whose rows a transaction may read and write.

use crate::Id;

crate::id_prefix! {
    /// The kind of id of an organization.
    pub OrganizationPrefix = "org" in "organizations"
}

/// The id of an organization, which is the tenant.
pub type OrgId = Id<OrganizationPrefix>;

/// The rows that a transaction may read and write. The scope comes from the caller's identity or from a verified event,
/// never from the arguments of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The rows of one organization.
    Organization(OrgId),
    /// The tables that belong to the installation, and no row of any organization.
    System,
}

impl Scope {
    /// Returns the organization of this scope; none for [`Scope::System`].
    pub fn organization(&self) -> Option<&OrgId> {
        match self {
            Self::Organization(id) => Some(id),
            Self::System => None,
        }
    }
}

impl From<OrgId> for Scope {
    fn from(id: OrgId) -> Self {
        Self::Organization(id)
    }
}
