//! People, and their memberships.

use engine::{Claims, Member, Place, Placed};
use kernel::{Error, OrgId, Role, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Email, customers::CustomerId};

pub use engine::UserId;

/// A person, with their membership of the organization that the caller acts in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// `usr_…`
    #[serde(rename = "_id")]
    pub id: UserId,
    /// When the person first signed in.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The e-mail address; empty when no issuer confirms one.
    pub email: String,
    /// The given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The address of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_picture_url: Option<String>,
    /// The role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// The customer that a client belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// When the person first signed in.
    pub created_at: Time,
    /// When the person or the membership last changed.
    pub updated_at: Time,
}

/// A current or former member of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedMember {
    /// The person.
    #[serde(flatten)]
    pub user: User,
    /// The name of the customer that a client belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// When the member was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Time>,
    /// Whether the person still is a member.
    pub status: MemberStatus,
    /// The name to show.
    pub display_name: String,
}

/// Whether a person still is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    /// A member.
    Active,
    /// A former member, who can be restored.
    Removed,
}

/// A member as others see them as a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Colleague {
    /// `usr_…`
    #[serde(rename = "_id")]
    pub id: UserId,
    /// The given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The e-mail address.
    pub email: String,
}

/// A person, without any membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub id: UserId,
    pub profile: Profile,
    pub created: Time,
    pub updated: Time,
}

/// The profile of a person, as an issuer describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub picture: Option<String>,
}

/// A current or former membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub person: Person,
    pub organization: OrgId,
    pub role: Role,
    pub customer: Option<CustomerId>,
    pub joined: Time,
    pub updated: Time,
    pub removed: Option<Time>,
}

/// The greatest number of characters of a name that is stored.
const LONGEST: usize = 200;

impl Profile {
    /// Returns the profile in a token. Fields that the token does not mention stay as they are in `before`.
    pub(super) fn of(claims: &Claims, before: Self) -> Self {
        let short = |text: &Option<String>| {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty() && !text.contains('\0'));
            text.map(|text| text.chars().take(LONGEST).collect::<String>())
        };
        let picture = claims.picture.clone().filter(|address| address.len() <= 2000 && address.starts_with("https://"));
        Self {
            email: email(claims).map_or(before.email, |email| email.key()),
            first_name: short(&claims.first_name).or(before.first_name),
            last_name: short(&claims.last_name).or(before.last_name),
            picture: picture.or(before.picture),
        }
    }

    /// Returns the name to show.
    pub(crate) fn display_name(&self) -> String {
        let names: Vec<_> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        match (names.is_empty(), self.email.is_empty()) {
            (false, _) => names.join(" "),
            (true, false) => self.email.clone(),
            (true, true) => "somebody".to_owned(),
        }
    }
}

/// Returns the e-mail address that a token's issuer confirms.
pub(crate) fn email(claims: &Claims) -> Option<Email> {
    Email::parse(claims.email.as_deref()?).ok()
}

impl Person {
    /// Returns the person as members see them, without a membership.
    pub(crate) fn user(self) -> User {
        User {
            id: self.id,
            creation_time: self.created,
            email: self.profile.email,
            first_name: self.profile.first_name,
            last_name: self.profile.last_name,
            profile_picture_url: self.profile.picture,
            role: None,
            org_id: None,
            customer_id: None,
            created_at: self.created,
            updated_at: self.updated,
        }
    }
}

impl Membership {
    pub(crate) fn is_active(&self) -> bool {
        self.removed.is_none()
    }

    /// Returns the person with this membership.
    pub(crate) fn user(self) -> User {
        let updated_at = self.person.updated.max(self.updated);
        let active = self.removed.is_none();
        User {
            role: Some(self.role),
            org_id: active.then_some(self.organization),
            customer_id: self.customer,
            updated_at,
            ..self.person.user()
        }
    }

    /// Returns the member that the person calls as.
    pub(super) fn member(&self) -> Member {
        Member {
            user: self.person.id.clone(),
            name: self.person.profile.display_name(),
            role: self.role,
            customer: self.customer.clone(),
            impersonator: None,
        }
    }
}

impl From<Membership> for Colleague {
    fn from(membership: Membership) -> Self {
        let Person { id, profile, .. } = membership.person;
        Self { id, first_name: profile.first_name, last_name: profile.last_name, email: profile.email }
    }
}

impl ListedMember {
    pub(super) fn new(membership: Membership, customer_name: Option<String>) -> Self {
        Self {
            customer_name,
            deleted_at: membership.removed,
            status: if membership.is_active() { MemberStatus::Active } else { MemberStatus::Removed },
            display_name: membership.person.profile.display_name(),
            user: membership.user(),
        }
    }
}

/// Lists of members show current members before former ones, each sorted by id.
impl Placed for ListedMember {
    fn place(&self) -> Place {
        Place(vec![i64::from(self.deleted_at.is_some()).into(), self.user.id.as_str().into()])
    }
}

/// The error for a person who is not a member of the organization.
pub(super) fn unknown(user: &UserId) -> Error {
    Error::not_found("member_not_found", "there is no such member").context("user_id", user.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_called_by_their_names_or_by_their_address() {
        let profile = |first: Option<&str>, email: &str| Profile {
            email: email.to_owned(),
            first_name: first.map(ToOwned::to_owned),
            ..Profile::default()
        };
        assert_eq!(profile(Some("Ada"), "ada@example.com").display_name(), "Ada");
        assert_eq!(profile(None, "ada@example.com").display_name(), "ada@example.com");
        assert_eq!(profile(None, "").display_name(), "somebody");
    }
}
