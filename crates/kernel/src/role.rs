//! What a person is in an organization, and what an operation asks of its caller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What a person is in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whose organization it is: may do everything, and there is always one.
    Owner,
    /// Runs the organization: everything but what concerns its owners.
    Admin,
    /// Works with the customers that were assigned to them.
    #[serde(alias = "agent", alias = "member")]
    Staff,
    /// Sees everything, changes nothing.
    Viewer,
    /// A person of one customer: sees what is theirs.
    Client,
}

impl Role {
    /// All of them, the most powerful first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Staff, Self::Viewer, Self::Client];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Staff => "staff",
            Self::Viewer => "viewer",
            Self::Client => "client",
        }
    }

    /// Reads a name. Products that call their staff `agent` or `member` are understood.
    ///
    /// # Errors
    /// `BadRequest` when it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let name = match text {
            "agent" | "member" => "staff",
            name => name,
        };
        let found = Self::ALL.into_iter().find(|role| role.as_str() == name);
        found.ok_or_else(|| {
            Error::bad_request("role_unknown", "a role is one of owner, admin, staff, viewer and client")
        })
    }

    /// Whether they run the organization.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Whether `role` is one of them.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Those in it, the most powerful first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

/// Who may call an operation. It is checked before the operation can reach the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, also somebody who is not signed in.
    Public,
    /// Whoever is signed in, with or without an organization.
    SignedIn,
    /// People of an organization who have one of these roles there.
    Roles(Roles),
}

impl Access {
    /// Those of an organization with at least the power of `least`. Viewers and clients stand beside the ladder from
    /// staff to owner: naming one of them lets it and the whole ladder in.
    pub const fn role(least: Role) -> Self {
        let ladder = Role::Owner.bit()
            | match least {
                Role::Owner => 0,
                Role::Admin => Role::Admin.bit(),
                Role::Staff | Role::Viewer | Role::Client => Role::Admin.bit() | Role::Staff.bit(),
            };
        Self::Roles(Roles(ladder | least.bit()))
    }

    /// Anybody of an organization.
    pub const fn any_role() -> Self {
        Self::Roles(Roles(
            Role::Owner.bit() | Role::Admin.bit() | Role::Staff.bit() | Role::Viewer.bit() | Role::Client.bit(),
        ))
    }

    /// Those, and `role`.
    #[must_use]
    pub const fn and(self, role: Role) -> Self {
        match self {
            Self::Roles(Roles(bits)) => Self::Roles(Roles(bits | role.bit())),
            Self::Public | Self::SignedIn => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(access: Access) -> Vec<&'static str> {
        let Access::Roles(roles) = access else { return Vec::new() };
        roles.iter().map(Role::as_str).collect()
    }

    #[test]
    fn a_role_lets_in_everybody_above_it() {
        assert_eq!(names(Access::role(Role::Owner)), ["owner"]);
        assert_eq!(names(Access::role(Role::Admin)), ["owner", "admin"]);
        assert_eq!(names(Access::role(Role::Staff)), ["owner", "admin", "staff"]);
        assert_eq!(names(Access::role(Role::Staff).and(Role::Viewer)), ["owner", "admin", "staff", "viewer"]);
        assert_eq!(names(Access::any_role()), ["owner", "admin", "staff", "viewer", "client"]);
    }

    #[test]
    fn a_role_is_read_by_its_name_and_by_what_other_products_call_it() {
        assert_eq!(Role::parse("agent").unwrap(), Role::Staff);
        assert_eq!(Role::parse("member").unwrap(), Role::Staff);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()).unwrap(), role);
        }
        assert!(Role::parse("root").is_err());
    }
}
