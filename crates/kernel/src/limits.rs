//! What a plan allows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many of each an organization may have; absent means that the plan says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Client companies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_customers: Option<i64>,
    /// People of the organization itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_staff: Option<i64>,
    /// People of the client companies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_clients: Option<i64>,
}

impl Limits {
    /// These limits, with `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            max_customers: self.max_customers.or(other.max_customers),
            max_staff: self.max_staff.or(other.max_staff),
            max_clients: self.max_clients.or(other.max_clients),
        }
    }
}
