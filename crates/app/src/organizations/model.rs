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
    /// When the organization was created.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The name.
    pub name: String,
    /// The ids of the organization in other systems.
    #[serde(rename = "externalIds")]
    pub external_ids: Vec<ExternalId>,
}

/// The id of an organization in another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExternalId {
    /// The other system.
    pub provider: String,
    /// The id there.
    pub id: String,
}

impl ExternalId {
    /// Checks an external id that came from outside.
    ///
    /// # Errors
    /// `BadRequest` when a vendor's metadata could not hold it.
    pub(super) fn check(&self) -> Result<()> {
        let fits = |text: &str| (1..=200).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c == ' ');
        if fits(&self.provider) && fits(&self.id) {
            return Ok(());
        }
        Err(Error::bad_request("external_id_invalid", "an external id is 1 to 200 characters without spaces"))
    }
}

/// Returns the route key of an organization's id or external id.
pub fn route_key(name: &str) -> String {
    format!("organization:{name}")
}
