//! The limits of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many rows of each kind an organization may have; a limit that is absent is not set by this plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The limit of customers, the client companies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_customers: Option<i64>,
    /// The limit of members with any role but client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_staff: Option<i64>,
    /// The limit of members with the role client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_clients: Option<i64>,
}

impl Limits {
    /// Returns these limits, with those of `other` where they are not set here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            max_customers: self.max_customers.or(other.max_customers),
            max_staff: self.max_staff.or(other.max_staff),
            max_clients: self.max_clients.or(other.max_clients),
        }
    }
}
