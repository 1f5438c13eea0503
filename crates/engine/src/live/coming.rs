//! Commits on SQLite that are about to be made: from when a snapshot may show them until the rooms were told.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kernel::OrgId;
use store::{Commit, Table};

/// What is being written, by whose rows; without an organization, what may concern everybody. A commit that fails leaves
/// its tables here until the next one: they are asked once too often, and nothing is missed.
#[derive(Default)]
pub(super) struct Coming(Mutex<HashMap<Option<OrgId>, BTreeSet<Table>>>);

impl Coming {
    pub(super) fn begin(&self, commit: &Commit) {
        let mut all = self.lock();
        for table in &commit.tables {
            all.entry(concerned(commit, table)).or_default().insert(table.clone());
        }
    }

    /// The rooms were told.
    pub(super) fn end(&self, commit: &Commit) {
        let mut all = self.lock();
        for table in &commit.tables {
            let concerned = concerned(commit, table);
            if let Some(tables) = all.get_mut(&concerned) {
                tables.remove(table);
                if tables.is_empty() {
                    all.remove(&concerned);
                }
            }
        }
    }

    /// What may be written already for a room of this organization.
    pub(super) fn tables(&self, organization: Option<&OrgId>) -> BTreeSet<Table> {
        let all = self.lock();
        let own = organization.and_then(|_| all.get(&organization.cloned()));
        all.get(&None).into_iter().chain(own).flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<OrgId>, BTreeSet<Table>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn concerned(commit: &Commit, table: &Table) -> Option<OrgId> {
    commit.organization.clone().filter(|_| table.is_tenant)
}
