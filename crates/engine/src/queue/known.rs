//! Which entries a node can run.

use std::collections::BTreeMap;

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
    #[serde(default)]
    pub jobs: BTreeMap<String, i64>,
    /// The providers whose events have a handler, each with the version of that.
    #[serde(default)]
    pub providers: BTreeMap<String, i64>,
}

impl Known {
    /// What either of the two can run, at the higher version.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        merge(&mut self.jobs, &other.jobs);
        merge(&mut self.providers, &other.providers);
        self
    }

    /// For a statement: every kind, provider and version of an entry that can be run, as a JSON array of arrays.
    pub(super) fn to_parameter(&self) -> String {
        let jobs =
            self.jobs.iter().flat_map(|(kind, highest)| (0..=*highest).map(move |version| (&**kind, "", version)));
        let events = self.providers.keys().map(|provider| (EVENT, &**provider, 1));
        serde_json::json!(jobs.chain(events).collect::<Vec<_>>()).to_string()
    }
}

fn merge(into: &mut BTreeMap<String, i64>, other: &BTreeMap<String, i64>) {
    for (name, version) in other {
        let known = into.entry(name.clone()).or_insert(*version);
        *known = (*known).max(*version);
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
        let old: Known = serde_json::from_str(r#"{"jobs":{"a":2,"b":1},"providers":{"stripe":1}}"#).unwrap();
        let new: Known = serde_json::from_str(r#"{"jobs":{"a":1,"c":1},"providers":{"polar":1}}"#).unwrap();
        let both = old.and(&new);
        let expected = r#"{"jobs":{"a":2,"b":1,"c":1},"providers":{"polar":1,"stripe":1}}"#;
        assert_eq!(serde_json::to_string(&both).unwrap(), expected);
    }
}
