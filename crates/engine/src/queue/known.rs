//! Which entries a node can run.

use std::collections::BTreeMap;

use kernel::{Error, Result};
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

    /// What a node with these handlers may claim while `living` nodes work: any job that it knows; of events only those of
    /// providers whose handlers are as new as anybody's. An older handler would end as ignored what a newer one handles.
    #[must_use]
    pub fn claimable(&self, living: &Self) -> Self {
        let mut claimable = self.clone();
        claimable
            .providers
            .retain(|provider, version| living.providers.get(provider).is_none_or(|newest| newest <= version));
        claimable
    }

    /// As a node writes it down for the others.
    pub(crate) fn write(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal("unwritable", "what a node knows cannot be written as JSON").source(error))
    }

    /// Reads what a node wrote. A newer release may write more than this one understands.
    pub(crate) fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::internal("unreadable", "what a node knows cannot be read").source(error))
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
/// The `is true` keeps PostgreSQL from turning the condition into a join, which would read all of the queue and sort it
/// instead of walking the index in its order.
pub(super) fn is_known(tx: &Tx, parameter: u8) -> String {
    let rows = known_rows(tx, parameter);
    format!("((kind, provider, version) in {rows}) is true")
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

    fn events(providers: &[(&str, i64)]) -> Known {
        let providers = providers.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect();
        Known { providers, ..Known::default() }
    }

    #[test]
    fn events_go_to_the_nodes_with_the_newest_handler_of_their_provider() {
        let (old, new) = (events(&[("shop", 1), ("bank", 1)]), events(&[("shop", 2)]));
        let living = old.clone().and(&new);
        assert_eq!(old.claimable(&living), events(&[("bank", 1)]));
        assert_eq!(new.claimable(&living), new);
        assert_eq!(old.claimable(&old), old);
    }

    #[test]
    fn what_a_newer_release_adds_does_not_disturb_an_older_one() {
        let read = Known::read(r#"{"jobs":{"send":3},"queries":["all"]}"#).unwrap();
        assert_eq!(read.jobs.get("send"), Some(&3));
    }
}
