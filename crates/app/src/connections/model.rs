//! A connection.

use kernel::{Error, Id, Result, Time};
use schemars::JsonSchema;
use serde::Serialize;

kernel::id_prefix! {
    /// The kind of id of a connection.
    pub ConnectionPrefix = "con" in "connections"
}

/// The id of a connection.
pub type ConnectionId = Id<ConnectionPrefix>;

/// An organization's account at a vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Connection {
    /// `con_…`
    #[serde(rename = "_id")]
    pub id: ConnectionId,
    /// When it was added.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The vendor's name in the registry.
    pub provider: String,
    /// The account as the vendor's events name it: a phone number id.
    pub account: String,
    /// The name of the connection, for people.
    pub name: String,
}

/// Returns the route key of a vendor's account.
pub fn route_key(provider: &str, account: &str) -> String {
    format!("{provider}:account:{account}")
}

/// Checks an account that came from outside.
pub(super) fn check_account(account: &str) -> Result<()> {
    if (1..=255).contains(&account.len()) && !account.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Ok(());
    }
    Err(Error::bad_request(
        "account_invalid",
        "an account is the id that the vendor gave it, such as a phone number id: 1 to 255 characters without spaces",
    ))
}
