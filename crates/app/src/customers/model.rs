//! A customer, and which callers see it.

use std::borrow::Cow;

use engine::{Place, Placed, Reach};
use kernel::{Error, OrgId, Result, Role, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Email, Name, users::UserId};

pub use engine::CustomerId;

/// A client company of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// `cus_…`
    #[serde(rename = "_id")]
    pub id: CustomerId,
    /// When the customer was created.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The organization.
    pub org_id: OrgId,
    /// The name.
    pub name: Name,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// The notes of the organization about the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Notes>,
    /// When the customer was created.
    pub created_at: Time,
    /// When the customer was last changed.
    pub updated_at: Time,
}

impl Customer {
    /// Creates a customer from what the caller sent.
    pub(crate) fn new(id: CustomerId, org_id: OrgId, new: NewCustomer, now: Time) -> Self {
        let NewCustomer { name, email, notes } = new;
        Self { id, creation_time: now, org_id, name, email, notes, created_at: now, updated_at: now }
    }

    /// Returns the text that a search looks at.
    pub(super) fn searched(&self) -> String {
        format!("{} {}", self.name, self.email.as_ref().map_or("", Email::as_str)).to_lowercase()
    }
}

/// The fields of a customer that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewCustomer {
    pub name: Name,
    pub email: Option<Email>,
    pub notes: Option<Notes>,
}

impl NewCustomer {
    /// Returns the key by which the customer is recognised: see [`recognised_by`].
    pub(crate) fn recognised_by(&self) -> String {
        recognised_by(&self.name, self.email.as_ref())
    }
}

/// Returns the key by which a customer in a file is recognised: the e-mail address, or the name where there is none.
pub(super) fn recognised_by(name: &Name, email: Option<&Email>) -> String {
    email.map_or_else(|| name.as_str().to_lowercase(), Email::key)
}

/// Lists of customers are sorted newest first.
impl Placed for Customer {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// Notes of an organization about a customer: up to ten thousand characters, on any number of lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Notes(String);

impl Notes {
    const LONGEST: usize = 10_000;

    /// Parses notes.
    ///
    /// # Errors
    /// `BadRequest` when they are too long, or contain characters that a database cannot store.
    pub fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > Self::LONGEST || text.contains('\0') {
            return Err(Error::bad_request(
                "notes_invalid",
                format!("notes are up to {} characters, none of them NUL", Self::LONGEST),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Notes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Notes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Notes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": Self::LONGEST })
    }
}

/// Which customers a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// All customers.
    All,
    /// Those that this person is assigned to.
    Assigned(UserId),
    /// Their own company.
    Own(CustomerId),
    /// No customer.
    Nothing,
}

impl Visibility {
    pub(crate) fn of(reach: &Reach) -> Self {
        match (reach.role, &reach.staff, &reach.customer) {
            (Some(Role::Owner | Role::Admin | Role::Viewer), ..) => Self::All,
            (Some(Role::Staff), Some(user), _) => Self::Assigned(user.clone()),
            // An API key has no assignments: an admin made it to work with all customers.
            (Some(Role::Staff), None, _) => Self::All,
            (Some(Role::Client), _, Some(customer)) => Self::Own(customer.clone()),
            (Some(Role::Client) | None, ..) => Self::Nothing,
        }
    }

    /// Returns the values of the clause that every statement for a caller has.
    pub(super) fn clause(&self) -> (bool, Option<&CustomerId>, Option<&UserId>) {
        match self {
            Self::All => (true, None, None),
            Self::Assigned(user) => (false, None, Some(user)),
            Self::Own(customer) => (false, Some(customer), None),
            Self::Nothing => (false, None, None),
        }
    }
}

/// The error for a customer that does not exist, or that the caller does not see; the two are not told apart.
pub(super) fn unknown(customer: &CustomerId) -> Error {
    Error::not_found("customer_not_found", "there is no such customer").context("customer_id", customer.as_str())
}

/// The error for a customer that cannot be deleted, with what still depends on it.
pub(super) fn in_use(clients: i64, invitations: i64) -> Error {
    let message = format!(
        "the customer still has {} and {}: remove them first",
        counted(clients, "active client"),
        counted(invitations, "pending client invitation"),
    );
    Error::conflict("customer_in_use", message)
        .context("clients", clients.to_string())
        .context("invitations", invitations.to_string())
}

fn counted(count: i64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use engine::{Caller, Identity, Member};

    use super::*;

    fn caller(role: Role, customer: Option<&CustomerId>) -> Caller {
        let user = UserId::parse("usr_01kaj3v0q8e5hbm9x2w7c4d6f0").unwrap();
        let member = Member { user, name: "Ada".to_owned(), role, customer: customer.cloned(), impersonator: None };
        Caller { identity: Identity::Anonymous, organization: None, member: Some(member), key_role: None, until: None }
    }

    #[test]
    fn a_role_decides_which_customers_somebody_sees() {
        let acme = CustomerId::parse("cus_01kaj3v0q8e5hbm9x2w7c4d6f0").unwrap();
        for role in [Role::Owner, Role::Admin, Role::Viewer] {
            assert_eq!(Visibility::of(&caller(role, None).reach()), Visibility::All);
        }
        assert!(matches!(Visibility::of(&caller(Role::Staff, None).reach()), Visibility::Assigned(_)));
        assert_eq!(Visibility::of(&caller(Role::Client, Some(&acme)).reach()), Visibility::Own(acme));
        assert_eq!(Visibility::of(&caller(Role::Client, None).reach()), Visibility::Nothing);
    }

    #[test]
    fn the_error_counts_who_still_depends_on_a_customer() {
        let error = in_use(2, 1);
        assert_eq!(
            error.message,
            "the customer still has 2 active clients and 1 pending client invitation: remove them first"
        );
    }
}
