//! Tables of the installation: which rooms read them, and when they were last written.
//!
//! They are written all the time (the queue is among them), so a commit must not knock at every room.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::OrgId;
use store::Table;

use super::room::Room;

#[derive(Default)]
pub(super) struct Installation(Mutex<State>);

#[derive(Default)]
struct State {
    /// How many commits there were.
    count: u64,
    /// Which of them was the last to write a table.
    written: HashMap<Table, u64>,
    readers: HashMap<Table, HashMap<Option<OrgId>, Arc<Room>>>,
}

impl Installation {
    /// Notes that these were written, and tells who reads them.
    pub(super) fn touch(&self, tables: &BTreeSet<Table>) -> Vec<Arc<Room>> {
        let mut state = self.lock();
        state.count += 1;
        let count = state.count;
        let mut rooms: HashMap<_, Arc<Room>> = HashMap::new();
        for table in tables {
            state.written.insert(table.clone(), count);
            let readers = state.readers.get(table).into_iter().flatten();
            rooms.extend(readers.map(|(organization, room)| (organization.clone(), room.clone())));
        }
        rooms.into_values().collect()
    }

    /// The number of the last commit so far.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    /// Whether a table was written after the commit of this number.
    pub(super) fn is_written_since(&self, table: &Table, count: u64) -> bool {
        self.lock().written.get(table).is_some_and(|last| *last > count)
    }

    pub(super) fn watch(&self, table: &Table, room: &Arc<Room>) {
        let mut state = self.lock();
        state.readers.entry(table.clone()).or_default().insert(room.organization.clone(), room.clone());
    }

    /// The room reads it no more. A newer room of the same organization may: that one stays.
    pub(super) fn forget(&self, table: &Table, room: &Arc<Room>) {
        let mut state = self.lock();
        let Some(readers) = state.readers.get_mut(table) else { return };
        if readers.get(&room.organization).is_some_and(|known| Arc::ptr_eq(known, room)) {
            readers.remove(&room.organization);
        }
        if readers.is_empty() {
            state.readers.remove(table);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
