//! Commits on SQLite between the moment from which a snapshot may show them and the one when the organizations have heard.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kernel::OrgId;
use store::{Commit, Table};

/// What is being written, by whose rows; without an organization, what may concern everybody.
///
/// SQLite has one writer: all commits of a batch begin, then all of them end, then the next batch begins. When a batch
/// fails, nothing tells so: its tables stay until the next batch has ended. They are run once too often, and nothing is
/// missed.
#[derive(Default)]
pub(super) struct InFlight(Mutex<Batch>);

#[derive(Default)]
struct Batch {
    /// How many commits write each.
    tables: HashMap<Option<OrgId>, BTreeMap<Table, usize>>,
    /// Whether commits of it have ended: then all of them will, before another one begins.
    is_ending: bool,
}

impl InFlight {
    /// A commit is about to be made.
    pub(super) fn begin(&self, commit: &Commit) {
        let mut batch = self.lock();
        if std::mem::take(&mut batch.is_ending) {
            batch.tables.clear();
        }
        for table in &commit.tables {
            let tables = batch.tables.entry(concerned(commit, table)).or_default();
            *tables.entry(table.clone()).or_default() += 1;
        }
    }

    /// A commit was made, and the organizations have heard of it.
    pub(super) fn end(&self, commit: &Commit) {
        let mut batch = self.lock();
        batch.is_ending = true;
        for table in &commit.tables {
            let Entry::Occupied(mut tables) = batch.tables.entry(concerned(commit, table)) else { continue };
            if let Some(writers) = tables.get_mut().get_mut(table) {
                *writers -= 1;
                if *writers == 0 {
                    tables.get_mut().remove(table);
                }
            }
            if tables.get().is_empty() {
                tables.remove();
            }
        }
    }

    /// What a snapshot may show already that an organization has not heard of.
    pub(super) fn tables(&self, organization: Option<&OrgId>) -> BTreeSet<Table> {
        let batch = self.lock();
        let own = organization.and_then(|_| batch.tables.get(&organization.cloned()));
        batch.tables.get(&None).into_iter().chain(own).flatten().map(|(table, _)| table.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn concerned(commit: &Commit, table: &Table) -> Option<OrgId> {
    commit.organization.clone().filter(|_| table.is_tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(table: &str) -> Commit {
        let table = Table { name: table.into(), is_tenant: false };
        Commit { organization: None, tables: BTreeSet::from([table]), number: None }
    }

    fn names(in_flight: &InFlight) -> Vec<String> {
        in_flight.tables(None).into_iter().map(|table| table.name.to_string()).collect()
    }

    #[test]
    fn what_failed_is_forgotten_with_the_batch_after_it() {
        let in_flight = InFlight::default();
        in_flight.begin(&commit("failed#1"));
        in_flight.begin(&commit("a"));
        in_flight.begin(&commit("b"));
        assert_eq!(names(&in_flight), ["a", "b", "failed#1"]);
        in_flight.end(&commit("a"));
        assert_eq!(names(&in_flight), ["b", "failed#1"]);
        in_flight.end(&commit("b"));
        in_flight.begin(&commit("c"));
        assert_eq!(names(&in_flight), ["c"]);
        in_flight.end(&commit("c"));
        assert!(names(&in_flight).is_empty());
    }
}
