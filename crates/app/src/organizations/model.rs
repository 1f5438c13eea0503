//! An organization.

use kernel::{Error, OrgId, Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Organization {
    /// `org_…`
    #[serde(rename = "_id")]
    pub id: OrgId,
    /// When it was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// What people call it.
    pub name: String,
    /// What other systems call it.
    #[serde(rename = "externalIds")]
    pub external_ids: Vec<ExternalId>,
}

/// What another system calls an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExternalId {
    /// The other system.
    pub provider: String,
    /// The id there.
    pub id: String,
}

impl ExternalId {
    /// Checks one that came from outside.
    ///
    /// # Errors
    /// `BadRequest` when it could not stand in a vendor's metadata.
    pub(super) fn check(&self) -> Result<()> {
        let fits = |text: &str| (1..=200).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c == ' ');
        if fits(&self.provider) && fits(&self.id) {
            return Ok(());
        }
        Err(Error::bad_request("external_id_invalid", "an external id is 1 to 200 characters without spaces"))
    }
}

/// The key under which an organization is found by its id or by any of its external ids.
pub fn route_key(name: &str) -> String {
    format!("organization:{name}")
}
