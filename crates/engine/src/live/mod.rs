//! Live queries: answers that are kept up to date for those who watch them.
//!
//! A *view* holds the queries of one connection. Each is a *subscription*: a query with its arguments and its audience, run
//! once on a node however many views watch it. A subscription has a *read set*, the tables that its answer was read from. A
//! commit that writes to one of them *invalidates* the subscription; a *refresh* then runs it again on a new snapshot. All
//! queries of a view move from one snapshot's moment to the next together.
//!
//! Each organization (`tenant`) is refreshed on its own, and organizations take turns (`turns`, `slice`). What takes too long
//! is left out and tried again later (`suspension`), so that it holds up nobody.

mod audience;
mod changes;
mod expiry;
mod in_flight;
mod installation;
mod refresh;
mod reservation;
mod slice;
mod state;
mod subscription;
mod suspension;
mod tenant;
mod turns;
mod view;
mod viewer;

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
use tokio::{runtime::Handle, task::AbortHandle};

pub use changes::record_changes;
pub use view::View;

use crate::operation::{Operations, Who};
use changes::ChangeFeed;
use expiry::Expiries;
use in_flight::InFlight;
use installation::Installation;
use reservation::Reservation;
use tenant::{Tenant, UNKNOWN_COST};
use turns::Turns;

/// How live queries work.
#[derive(Clone, Copy, Debug)]
pub struct LiveOptions {
    /// How often a node looks for commits of other nodes when nobody wakes it.
    pub poll: Duration,
    /// How long a node gathers its commits before it wakes the others.
    pub gather: Duration,
    /// How long the record of what commits wrote is kept for nodes that are late.
    pub keep: Duration,
    /// How often queries are run again that read tables whose changes are not recorded for other nodes: those of the queue.
    pub quiet_poll: Duration,
    /// How long one query may run. What takes longer is told to those who watch it, and is tried again from time to time.
    pub query_limit: Duration,
    /// How many queries one view may have.
    pub queries: usize,
    /// How many bytes the arguments and the answers of one view may take.
    pub bytes: usize,
    /// The same for somebody who has not signed in.
    pub anonymous_bytes: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            gather: Duration::from_millis(5),
            keep: Duration::from_secs(3600),
            quiet_poll: Duration::from_secs(2),
            query_limit: Duration::from_secs(2),
            queries: 500,
            bytes: 32 << 20,
            anonymous_bytes: 1 << 20,
        }
    }
}

/// Keeps answers up to date. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    hub: Arc<Hub>,
    /// Ends with the last clone.
    _tasks: Arc<Tasks>,
}

/// The queries of a view at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The timestamp of the moment.
    pub ts: u64,
    /// The answers that differ from those that were shown last.
    pub updates: Vec<Update>,
}

/// A query whose answer has changed.
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
    /// What the client has to bring back when it subscribes again on another connection.
    pub journal: Option<String>,
    is_fit: OnceLock<bool>,
}

impl Shown {
    /// Whether a surface can carry the answer. `look` is called once, for all who watch.
    pub fn is_fit(&self, look: impl FnOnce() -> bool) -> bool {
        *self.is_fit.get_or_init(look)
    }
}

/// What all live queries of a node share.
struct Hub {
    operations: Operations,
    options: LiveOptions,
    tenants: Mutex<HashMap<Option<OrgId>, Arc<Tenant>>>,
    installation: Installation,
    in_flight: InFlight,
    /// The commits of other nodes, where there can be others.
    feed: Option<ChangeFeed>,
    reservation: Reservation,
    expiries: Expiries,
    /// Numbers views and viewers.
    numbers: AtomicU64,
    turns: Turns,
    /// How long a query takes, by operation.
    costs: Mutex<HashMap<&'static str, Duration>>,
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
        let hub = Arc::new(Hub {
            operations: operations.clone(),
            options,
            tenants: Mutex::default(),
            installation: Installation::default(),
            in_flight: InFlight::default(),
            feed: (engine == Engine::Postgres).then(ChangeFeed::default),
            reservation: Reservation::default(),
            expiries: Expiries::default(),
            numbers: AtomicU64::new(0),
            turns: Turns::new(engine),
            costs: Mutex::default(),
            runtime: Handle::current(),
        });
        hub.listen();
        let mut tasks = vec![tokio::spawn(expiry::watch(hub.clone())).abort_handle()];
        if hub.feed.is_some() {
            record_changes(operations.db(), operations.timestamps());
            tasks.push(tokio::spawn(changes::announce(hub.clone())).abort_handle());
            tasks.push(tokio::spawn(changes::follow(hub.clone())).abort_handle());
            tasks.push(tokio::spawn(changes::poll_quiet(hub.clone())).abort_handle());
            tasks.push(tokio::spawn(changes::clean(hub.clone())).abort_handle());
        }
        Self { hub, _tasks: Arc::new(Tasks(tasks)) }
    }

    /// The queries of one connection; none yet.
    pub fn view(&self, who: Who) -> View {
        View::new(self.clone(), who)
    }

    /// How live queries work here.
    pub fn options(&self) -> &LiveOptions {
        &self.hub.options
    }
}

impl Hub {
    /// Hears the commits of this node, and that another process wrote to SQLite's file.
    fn listen(self: &Arc<Self>) {
        let db = self.operations.db();
        let hub: Weak<Self> = Arc::downgrade(self);
        db.on_committing(Arc::new(move |commit: &Commit| {
            if let Some(hub) = hub.upgrade() {
                hub.in_flight.begin(commit);
            }
        }));
        let hub: Weak<Self> = Arc::downgrade(self);
        db.on_commit(Arc::new(move |commit: &Commit| {
            if let Some(hub) = hub.upgrade() {
                hub.committed(commit);
                hub.in_flight.end(commit);
            }
        }));
        let hub: Weak<Self> = Arc::downgrade(self);
        db.on_commit_elsewhere(Arc::new(move |commit: &Commit| {
            if let Some(hub) = hub.upgrade() {
                hub.tell(commit.organization.as_ref(), &commit.tables, commit.number);
            }
        }));
    }

    /// A commit of this node. The feed may have announced it already, but for what is not recorded.
    fn committed(self: &Arc<Self>, commit: &Commit) {
        let organization = commit.organization.as_ref();
        let Some(feed) = &self.feed else { return self.tell(organization, &commit.tables, commit.number) };
        feed.committed(&commit.tables);
        if commit.number.is_some_and(|number| feed.was_announced(number)) {
            let quiet = commit.tables.iter().filter(|table| changes::is_quiet(table)).cloned().collect();
            self.tell(organization, &quiet, None);
        } else {
            self.tell(organization, &commit.tables, commit.number);
        }
    }

    /// Tells the tenants that read them that tables were written. Cheap: nothing is run here.
    fn tell(self: &Arc<Self>, organization: Option<&OrgId>, tables: &BTreeSet<Table>, number: Option<i64>) {
        let (tenant_tables, own): (BTreeSet<_>, BTreeSet<_>) =
            tables.iter().cloned().partition(|table| table.is_tenant);
        if !tenant_tables.is_empty() {
            for tenant in self.tenants_of(organization) {
                tenant.hear(self, &tenant_tables, number);
            }
        }
        if !own.is_empty() {
            for tenant in self.installation.listeners(&own) {
                tenant.hear(self, &own, number);
            }
        }
    }

    /// Commits were missed, and nobody knows which: everything is run again.
    fn invalidate_all(self: &Arc<Self>) {
        for tenant in self.all_tenants() {
            tenant.invalidate_all(self);
        }
    }

    /// The tenants that show rows of an organization; all of them, when a commit may have written anybody's.
    fn tenants_of(&self, organization: Option<&OrgId>) -> Vec<Arc<Tenant>> {
        match organization {
            Some(_) => self.tenants().get(&organization.cloned()).cloned().into_iter().collect(),
            None => self.all_tenants(),
        }
    }

    fn all_tenants(&self) -> Vec<Arc<Tenant>> {
        self.tenants().values().cloned().collect()
    }

    /// One view more in an organization.
    fn enter(&self, organization: Option<&OrgId>) -> Arc<Tenant> {
        let mut tenants = self.tenants();
        let tenant =
            tenants.entry(organization.cloned()).or_insert_with(|| Arc::new(Tenant::new(organization.cloned())));
        tenant.lock().views += 1;
        tenant.clone()
    }

    /// One view less. Of an organization without views nothing is kept.
    fn leave(&self, tenant: &Tenant) {
        let mut tenants = self.tenants();
        let mut state = tenant.lock();
        state.views -= 1;
        if state.views == 0 {
            tenants.remove(&tenant.organization);
        }
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<Option<OrgId>, Arc<Tenant>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// How long an operation takes, for all that is known.
    fn cost(&self, operation: &str) -> Duration {
        self.costs().get(operation).copied().unwrap_or(UNKNOWN_COST)
    }

    /// An operation took so long.
    fn note_cost(&self, operation: &str, took: Duration) {
        // What does not exist has no name that could be kept.
        let Ok(found) = self.operations.catalog().find(operation) else { return };
        let mut costs = self.costs();
        let cost = costs.entry(found.description.name).or_insert(took);
        *cost = (*cost * 7 + took) / 8;
    }

    fn costs(&self) -> MutexGuard<'_, HashMap<&'static str, Duration>> {
        self.costs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
