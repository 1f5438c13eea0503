//! Which tenant's rows a piece of work may touch.

use crate::{Id, prefix};

/// The id of an organization: the tenant.
pub type OrgId = Id<prefix::Organization>;

/// The reach of a transaction. It comes from the caller's identity or from a verified event, never from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The rows of one organization.
    Organization(OrgId),
    /// The tables that belong to the installation, and no organization's rows.
    System,
}

impl Scope {
    /// The organization of this scope, if it has one.
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
