//! Live queries: answers that are kept up to date for those who watch them.
//!
//! People of one organization share a *room*. In it, a question that several ask is one *shared query*: it is asked once
//! and written once, however many watch. A commit tells the rooms which tables it touched; a room then asks again what
//! was read from there, all at one moment, and wakes those whose answers are others now.

mod clock;
mod coming;
mod expiry;
mod following;
mod installation;
mod party;
mod room;
mod round;
mod shared;
mod view;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{Error, OrgId};
use store::{Commit, Engine, Table};
use tokio::{runtime::Handle, sync::Semaphore, task::AbortHandle};

pub use following::record_changes;
pub use view::View;

use crate::operation::{Operations, Who};
use clock::Reserved;
use coming::Coming;
use expiry::Expiries;
use following::Following;
use installation::Installation;
use room::Room;

/// How live queries work.
#[derive(Clone, Copy, Debug)]
pub struct LiveOptions {
    /// How often a node looks for commits of other nodes when nobody wakes it.
    pub poll: Duration,
    /// How long a node gathers its commits before it wakes the others.
    pub gather: Duration,
    /// How long what commits touched is kept for nodes that are late.
    pub keep: Duration,
}

impl Default for LiveOptions {
    fn default() -> Self {
        let (poll, gather) = (Duration::from_secs(1), Duration::from_millis(5));
        Self { poll, gather, keep: Duration::from_secs(3600) }
    }
}

/// Keeps answers up to date. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
    /// Ends with the last clone.
    _tasks: Arc<Tasks>,
}

/// The queries of a view at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The moment.
    pub ts: u64,
    /// What is other than it was shown last.
    pub updates: Vec<Update>,
}

/// A query whose answer is another one now.
#[derive(Clone, Debug)]
pub struct Update {
    /// Which query, in the view's numbers.
    pub id: u32,
    /// The answer.
    pub shown: Arc<Shown>,
}

/// An answer, the same for all who watch it.
#[derive(Debug)]
pub struct Shown {
    /// The answer's JSON, or why there is none.
    pub outcome: std::result::Result<Box<str>, Arc<Error>>,
    /// What the client has to bring back when it asks again on another connection.
    pub journal: Option<String>,
    is_fit: OnceLock<bool>,
}

impl Shown {
    /// Whether a surface can carry the answer. It looks once, for all who watch.
    pub fn is_fit(&self, look: impl FnOnce() -> bool) -> bool {
        *self.is_fit.get_or_init(look)
    }
}

struct Inner {
    operations: Operations,
    options: LiveOptions,
    rooms: Mutex<HashMap<Option<OrgId>, Arc<Room>>>,
    installation: Installation,
    coming: Coming,
    /// The commits of other nodes, where there can be others.
    following: Option<Following>,
    reserved: Reserved,
    expiries: Expiries,
    views: AtomicU64,
    /// Rooms that may work at once: the database has other callers too.
    at_once: Semaphore,
    runtime: Handle,
}

struct Tasks(Vec<AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Live {
    /// Listens to the commits of this node and, on PostgreSQL, of the others. Needs a runtime.
    pub fn start(operations: &Operations, options: LiveOptions) -> Self {
        let engine = operations.db().engine();
        let inner = Arc::new(Inner {
            operations: operations.clone(),
            options,
            rooms: Mutex::default(),
            installation: Installation::default(),
            coming: Coming::default(),
            following: (engine == Engine::Postgres).then(Following::default),
            reserved: Reserved::default(),
            expiries: Expiries::default(),
            views: AtomicU64::new(0),
            at_once: Semaphore::new(match engine {
                Engine::Sqlite => 3,
                Engine::Postgres => 8,
            }),
            runtime: Handle::current(),
        });
        inner.listen();
        let mut tasks = vec![tokio::spawn(expiry::watch(inner.clone())).abort_handle()];
        if inner.following.is_some() {
            record_changes(operations.db(), operations.timestamps());
            tasks.push(tokio::spawn(following::announce(inner.clone())).abort_handle());
            tasks.push(tokio::spawn(following::follow(inner.clone())).abort_handle());
            tasks.push(tokio::spawn(following::clean(inner.clone())).abort_handle());
        }
        Self { inner, _tasks: Arc::new(Tasks(tasks)) }
    }

    /// The queries of one connection; none yet.
    pub fn view(&self, who: Who) -> View {
        View::new(self.clone(), who)
    }
}

impl Inner {
    /// Hears the commits of this node, and that another process wrote to SQLite's file.
    fn listen(self: &Arc<Self>) {
        let db = self.operations.db();
        let inner: Weak<Self> = Arc::downgrade(self);
        db.on_committing(Arc::new(move |commit: &Commit| {
            if let Some(inner) = inner.upgrade() {
                inner.coming.begin(commit);
            }
        }));
        let inner: Weak<Self> = Arc::downgrade(self);
        db.on_commit(Arc::new(move |commit: &Commit| {
            if let Some(inner) = inner.upgrade() {
                if let Some(following) = &inner.following {
                    following.committed(&commit.tables);
                }
                inner.tell(commit.organization.as_ref(), &commit.tables, commit.number);
                inner.coming.end(commit);
            }
        }));
        let inner: Weak<Self> = Arc::downgrade(self);
        db.on_commit_elsewhere(Arc::new(move |commit: &Commit| {
            if let Some(inner) = inner.upgrade() {
                inner.tell(commit.organization.as_ref(), &commit.tables, commit.number);
            }
        }));
    }

    /// Tells the rooms that something was written. Cheap: nothing is asked here.
    fn tell(self: &Arc<Self>, organization: Option<&OrgId>, tables: &BTreeSet<Table>, number: Option<i64>) {
        let (tenant, own): (BTreeSet<_>, BTreeSet<_>) = tables.iter().cloned().partition(|table| table.is_tenant);
        if !tenant.is_empty() {
            for room in self.rooms_of(organization) {
                room.hear(self, &tenant, number);
            }
        }
        if !own.is_empty() {
            for room in self.installation.touch(&own) {
                room.hear(self, &own, number);
            }
        }
    }

    /// The rooms that show rows of an organization; all of them for who may write anybody's.
    fn rooms_of(&self, organization: Option<&OrgId>) -> Vec<Arc<Room>> {
        let rooms = self.rooms();
        match organization {
            Some(_) => rooms.get(&organization.cloned()).cloned().into_iter().collect(),
            None => rooms.values().cloned().collect(),
        }
    }

    /// Opens the room of an organization, for one more view.
    fn enter(&self, organization: Option<&OrgId>) -> Arc<Room> {
        let mut rooms = self.rooms();
        let room = rooms.entry(organization.cloned()).or_insert_with(|| Arc::new(Room::new(organization.cloned())));
        room.lock().views += 1;
        room.clone()
    }

    /// One view less. An empty room is given up.
    fn leave(&self, room: &Room) {
        let mut rooms = self.rooms();
        let mut state = room.lock();
        state.views -= 1;
        if state.views == 0 {
            rooms.remove(&room.organization);
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Option<OrgId>, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_view(&self) -> u64 {
        self.views.fetch_add(1, Ordering::Relaxed)
    }
}
