//! A customer, and who sees it.

use std::borrow::Cow;

use engine::{Caller, Member, Place, Placed};
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
    /// When it was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// Whose customer it is.
    pub org_id: OrgId,
    /// What it is called.
    pub name: Name,
    /// Where it is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// What the organization notes about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Notes>,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed for the last time.
    pub updated_at: Time,
}

impl Customer {
    /// One that is made now.
    pub(crate) fn new(id: CustomerId, org_id: OrgId, new: NewCustomer, now: Time) -> Self {
        let NewCustomer { name, email, notes } = new;
        Self { id, creation_time: now, org_id, name, email, notes, created_at: now, updated_at: now }
    }

    /// What a search looks at.
    pub(super) fn searched(&self) -> String {
        format!("{} {}", self.name, self.email.as_ref().map_or("", Email::as_str)).to_lowercase()
    }
}

/// What somebody says of a customer that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewCustomer {
    pub name: Name,
    pub email: Option<Email>,
    pub notes: Option<Notes>,
}

impl NewCustomer {
    /// By what it is recognised: see [`recognised_by`].
    pub(crate) fn recognised_by(&self) -> String {
        recognised_by(&self.name, self.email.as_ref())
    }
}

/// By what a customer is recognised when it comes again in a file: its address, or its name where it has none.
pub(super) fn recognised_by(name: &Name, email: Option<&Email>) -> String {
    email.map_or_else(|| name.as_str().to_lowercase(), Email::key)
}

/// Lists of customers begin with the newest.
impl Placed for Customer {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// What an organization notes about a customer: up to ten thousand characters, on any number of lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Notes(String);

impl Notes {
    const LONGEST: usize = 10_000;

    /// Reads notes.
    ///
    /// # Errors
    /// `BadRequest` when they are too long, or hold what no database stores.
    pub fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > Self::LONGEST || text.contains('\0') {
            return Err(Error::bad_request(
                "notes_invalid",
                format!("notes are up to {} characters, none of them NUL", Self::LONGEST),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
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

/// Which customers somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All.
    All,
    /// Those that this person was assigned to.
    Assigned(UserId),
    /// Their own company.
    Own(CustomerId),
    /// None.
    Nothing,
}

impl Sight {
    pub(crate) fn of(caller: &Caller) -> Self {
        match (caller.role(), &caller.member) {
            (Some(Role::Owner | Role::Admin | Role::Viewer), _) => Self::All,
            (Some(Role::Staff), Some(member)) => Self::Assigned(member.user.clone()),
            // A key is nobody's colleague: an admin made it to work with all of them.
            (Some(Role::Staff), None) => Self::All,
            (Some(Role::Client), Some(Member { customer: Some(customer), .. })) => Self::Own(customer.clone()),
            (Some(Role::Client) | None, _) => Self::Nothing,
        }
    }

    /// The values of the clause that every statement for a caller has.
    pub(super) fn clause(&self) -> (bool, Option<&CustomerId>, Option<&UserId>) {
        match self {
            Self::All => (true, None, None),
            Self::Assigned(user) => (false, None, Some(user)),
            Self::Own(customer) => (false, Some(customer), None),
            Self::Nothing => (false, None, None),
        }
    }
}

/// Says that there is no such customer, or none that the caller sees: they are not told which.
pub(super) fn unknown(customer: &CustomerId) -> Error {
    Error::not_found("customer_not_found", "there is no such customer").context("customer_id", customer.as_str())
}

/// Says who still depends on a customer that was to be deleted.
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
    use engine::Identity;

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
            assert_eq!(Sight::of(&caller(role, None)), Sight::All);
        }
        assert!(matches!(Sight::of(&caller(Role::Staff, None)), Sight::Assigned(_)));
        assert_eq!(Sight::of(&caller(Role::Client, Some(&acme))), Sight::Own(acme));
        assert_eq!(Sight::of(&caller(Role::Client, None)), Sight::Nothing);
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
