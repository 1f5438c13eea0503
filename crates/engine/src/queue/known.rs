//! Which entries a node can run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use store::{Engine, Tx};

use super::EVENT;

/// The handlers of a node, or of several: what it can run.
///
/// During a release, nodes differ. A claim takes only entries that its node can run; what no living node can run is set
/// aside ([`super::State::Unhandled`]) until a node comes that can.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The kinds of jobs, each with the highest version of its payload that is understood.
    pub jobs: BTreeMap<String, i64>,
    /// The providers whose events have a handler.
    pub providers: BTreeSet<String>,
}

impl Known {
    /// What either of the two can run.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (kind, version) in other.jobs {
            let highest = self.jobs.entry(kind).or_insert(version);
            *highest = version.max(*highest);
        }
        self.providers.extend(other.providers);
        self
    }

    /// For a statement: every kind, provider and version of an entry that can be run, as a JSON array of arrays.
    pub(super) fn to_parameter(&self) -> String {
        let jobs =
            self.jobs.iter().flat_map(|(kind, highest)| (0..=*highest).map(move |version| (&**kind, "", version)));
        let events = self.providers.iter().map(|provider| (EVENT, &**provider, 1));
        serde_json::json!(jobs.chain(events).collect::<Vec<_>>()).to_string()
    }
}

/// The rows of the JSON bound at `$parameter`, as a table with `kind`, `provider` and `version`.
pub(super) fn known_rows(tx: &Tx, parameter: u8) -> String {
    match tx.engine() {
        Engine::Sqlite => format!(
            "(select value ->> 0 as kind, value ->> 1 as provider, value ->> 2 as version from json_each(${parameter}))"
        ),
        Engine::Postgres => format!(
            "(select value ->> 0 as kind, value ->> 1 as provider, (value ->> 2)::bigint as version
             from jsonb_array_elements(${parameter}::text::jsonb))"
        ),
    }
}

/// A condition on a row of `jobs`: whether it can be run by what is bound at `$parameter`.
///
/// The `case` keeps PostgreSQL from turning the condition into a join, which would read all of the queue and sort it
/// instead of walking the index in its order.
pub(super) fn is_known(tx: &Tx, parameter: u8) -> String {
    let rows = known_rows(tx, parameter);
    format!("case when (kind, provider, version) in {rows} then 1 else 0 end = 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_nodes_know_the_highest_version_of_each_and_the_providers_of_all() {
        let old: Known = serde_json::from_str(r#"{"jobs":{"a":2,"b":1},"providers":["stripe"]}"#).unwrap();
        let new: Known = serde_json::from_str(r#"{"jobs":{"a":1,"c":1},"providers":["polar"]}"#).unwrap();
        let both = old.or(new);
        let expected = r#"{"jobs":{"a":2,"b":1,"c":1},"providers":["polar","stripe"]}"#;
        assert_eq!(serde_json::to_string(&both).unwrap(), expected);
    }
}
