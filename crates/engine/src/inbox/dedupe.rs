//! Where events are looked up that may have come before: by the hash of their id.
//!
//! Hashes come in random order, so each one that goes into an index is a page of its own to write. PostgreSQL takes that:
//! several nodes write there, and only the index sees them all. SQLite has one writer, which keeps the newest hashes in
//! memory: see [`RecentHashes`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use kernel::Result;
use store::{Db, Engine, Tx};

use super::{
    new_event::{Inserted, NewEvent, StoredEvent},
    postgres,
    recent::{RecentHashes, lock},
    sqlite,
};

/// The engine's way to insert events once. Cheap to clone.
#[derive(Clone)]
pub(super) enum Deduplicator {
    /// A unique index.
    Postgres,
    /// The newest hashes in memory, the others in a table.
    Sqlite(Arc<Mutex<RecentHashes>>),
}

impl Deduplicator {
    /// On SQLite, keeps up to `recent` hashes in memory before they begin to move to the table.
    pub(super) fn new(db: &Db, recent: usize) -> Self {
        match db.engine() {
            Engine::Sqlite => Self::Sqlite(Arc::new(Mutex::new(RecentHashes::new(recent)))),
            Engine::Postgres => Self::Postgres,
        }
    }

    /// Writes the events that are new, with their jobs.
    pub(super) async fn insert(&self, tx: &mut Tx, events: &[Arc<NewEvent>]) -> Result<Inserted> {
        match self {
            Self::Postgres => postgres::insert(tx, events).await,
            Self::Sqlite(recent) => sqlite::insert(tx, recent, events).await,
        }
    }

    /// Finds the events with these hashes.
    pub(super) async fn find(&self, tx: &mut Tx, hashes: &[i64]) -> Result<HashMap<i64, StoredEvent>> {
        match self {
            Self::Postgres => postgres::find(tx, hashes).await,
            Self::Sqlite(recent) => sqlite::find(tx, recent, hashes).await,
        }
    }

    /// Notes, after the commit, that so many hashes are in the table of keys.
    pub(super) fn moved(&self, count: usize) {
        if let Self::Sqlite(recent) = self {
            lock(recent).moved(count);
        }
    }

    /// Forgets what is in memory, because nobody knows what became of a commit: it is read again from the disk.
    pub(super) fn invalidate(&self) {
        if let Self::Sqlite(recent) = self {
            lock(recent).clear();
        }
    }
}
