//! The roles of people in an organization, and the access that an operation requires.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The role of a person in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Owns the organization and may do everything. Every organization has at least one owner.
    Owner,
    /// Runs the organization: may do everything except what concerns owners.
    Admin,
    /// Works with the customers that are assigned to them.
    #[serde(alias = "agent", alias = "member")]
    Staff,
    /// Sees everything and changes nothing.
    Viewer,
    /// Belongs to one customer of the organization, and sees the data of that customer.
    Client,
}

impl Role {
    /// All roles, the most powerful first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Staff, Self::Viewer, Self::Client];

    /// Returns the name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Staff => "staff",
            Self::Viewer => "viewer",
            Self::Client => "client",
        }
    }

    /// Parses a role. The names `agent` and `member`, which some products use, mean `staff`.
    ///
    /// # Errors
    /// `BadRequest` when the text names no role.
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

    /// Returns whether the role runs the organization: owner or admin.
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
    /// Returns whether the set contains `role`.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Returns the roles in the set, the most powerful first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

/// The access that an operation requires. It is checked before the operation can reach the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody may call it, signed in or not.
    Public,
    /// Any signed-in caller may call it, with or without an organization.
    SignedIn,
    /// Members of an organization with one of these roles may call it.
    Roles(Roles),
}

impl Access {
    /// Requires a role that is at least as powerful as `least`. Viewer and client are not on the ladder from staff to
    /// owner: naming one of them admits it and the whole ladder.
    pub const fn role(least: Role) -> Self {
        let ladder = Role::Owner.bit()
            | match least {
                Role::Owner => 0,
                Role::Admin => Role::Admin.bit(),
                Role::Staff | Role::Viewer | Role::Client => Role::Admin.bit() | Role::Staff.bit(),
            };
        Self::Roles(Roles(ladder | least.bit()))
    }

    /// Admits every member of an organization.
    pub const fn any_role() -> Self {
        Self::Roles(Roles(
            Role::Owner.bit() | Role::Admin.bit() | Role::Staff.bit() | Role::Viewer.bit() | Role::Client.bit(),
        ))
    }

    /// Returns the same access, extended by `role`.
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
