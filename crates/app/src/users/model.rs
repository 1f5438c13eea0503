//! People, and what they are in an organization.

use engine::{Claims, Member, Place, Placed};
use kernel::{Error, OrgId, Role, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Email, customers::CustomerId};

pub use engine::UserId;

/// A person, and what they are in the organization that the caller acts in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// `usr_…`
    #[serde(rename = "_id")]
    pub id: UserId,
    /// When they signed in for the first time.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// Their address; empty where nobody vouches for one.
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
    /// What they may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// Whose person a client is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// When they signed in for the first time.
    pub created_at: Time,
    /// When something about them changed for the last time.
    pub updated_at: Time,
}

/// Somebody who is or was in the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedMember {
    /// Who.
    #[serde(flatten)]
    pub user: User,
    /// What a client's company is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// When they were removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Time>,
    /// Whether they still are.
    pub status: MemberStatus,
    /// What to call them.
    pub display_name: String,
}

/// Whether somebody still is in the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatus {
    /// They are.
    Active,
    /// They were, and can be brought back.
    Removed,
}

/// Somebody to turn to.
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
    /// Their address.
    pub email: String,
}

/// A person, wherever they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub id: UserId,
    pub profile: Profile,
    pub created: Time,
    pub updated: Time,
}

/// What an issuer says of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub picture: Option<String>,
}

/// What a person is or was in an organization.
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

/// Names that are longer help nobody.
const LONGEST: usize = 200;

impl Profile {
    /// What a token says. A field that it does not mention stays as it is `before`.
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

    /// What to call them.
    pub(crate) fn display_name(&self) -> String {
        let names: Vec<_> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        match (names.is_empty(), self.email.is_empty()) {
            (false, _) => names.join(" "),
            (true, false) => self.email.clone(),
            (true, true) => "somebody".to_owned(),
        }
    }
}

/// The address that a token's issuer vouches for.
pub(crate) fn email(claims: &Claims) -> Option<Email> {
    Email::parse(claims.email.as_deref()?).ok()
}

impl Person {
    /// The person as their organizations' members see them, outside of any.
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

    /// The person, as what they are here.
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

    /// Who they are when they call.
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

/// Those who are there stand before those who were, each in the order of their ids.
impl Placed for ListedMember {
    fn place(&self) -> Place {
        Place(vec![i64::from(self.deleted_at.is_some()).into(), self.user.id.as_str().into()])
    }
}

/// Says that nobody of this id is in the organization.
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
