//! A vendor's metadata, into which products write the organization of a purchase and the limits of a plan.

use std::collections::BTreeMap;

use kernel::Limits;
use serde::Deserialize;

use crate::loose::Text;

/// The metadata of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Metadata(BTreeMap<String, Text>);

/// The names under which products write an organization's id, the most reliable first.
const ORGANIZATION: [&str; 9] = [
    "organizationId",
    "organization_id",
    "orgId",
    "org_id",
    "tenantId",
    "tenant_id",
    "tenant",
    "workspaceId",
    "workspace_id",
];

impl Metadata {
    /// Returns the organizations that the metadata name.
    pub(super) fn organizations(&self) -> Vec<String> {
        let mut named: Vec<String> =
            ORGANIZATION.iter().filter_map(|name| self.text(name)).map(str::to_owned).collect();
        named.dedup();
        named
    }

    /// Returns the limits that the metadata set.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            max_customers: self.number(["maxCustomers", "max_customers"]),
            max_staff: self.number(["maxStaff", "max_staff"]),
            max_clients: self.number(["maxClients", "max_clients"]),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Text::get).map(str::trim).filter(|text| !text.is_empty())
    }

    fn number(&self, names: [&str; 2]) -> Option<i64> {
        names.iter().find_map(|name| self.text(name)?.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(json: &str) -> Metadata {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn limits_are_numbers_or_text() {
        let limits = metadata(r#"{"maxCustomers":"50","maxStaff":5,"maxClients":"many","other":true}"#).limits();
        assert_eq!(limits, Limits { max_customers: Some(50), max_staff: Some(5), max_clients: None });
    }

    #[test]
    fn an_organization_is_named_in_many_ways_and_the_most_telling_one_is_first() {
        let named =
            metadata(r#"{"tenant":"t1","organizationId":" org_1 ","workspace_id":7,"org_id":""}"#).organizations();
        assert_eq!(named, ["org_1", "t1", "7"]);
    }
}
