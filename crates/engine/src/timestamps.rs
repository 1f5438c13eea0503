//! Timestamps of the live protocol: they only grow, over restarts and from one node to the next.
//!
//! They are nanoseconds of the wall clock while that goes forward, and count on while it does not. Timestamps of other nodes
//! are observed, so that a client that comes from there is never shown an earlier one here.
//!
//! A mutation records its timestamp with what it writes, so it has one before anybody can see its commit. Until the commit
//! can be seen, no answer of this node may claim that timestamp or a later one: see [`Timestamps::settled`].

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use kernel::{OrgId, Time};
use tokio::sync::Notify;

use crate::World;

/// The last moment that the wire can carry.
const END: u64 = i64::MAX as u64;

/// Gives timestamps. Cheap to clone.
#[derive(Clone)]
pub struct Timestamps {
    world: World,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    last: AtomicU64,
    pending: Mutex<Pending>,
    /// Told whenever a commit is no longer pending.
    ended: Notify,
}

/// The timestamps of commits that cannot be seen yet, by organization; those of none may concern every organization.
type Pending = HashMap<Option<OrgId>, BTreeSet<u64>>;

/// A commit that cannot be seen yet. It is dropped when it can, or when it was rolled back.
pub(crate) struct PendingCommit {
    timestamps: Timestamps,
    organization: Option<OrgId>,
    pub(crate) ts: u64,
}

impl Timestamps {
    /// Timestamps from now on.
    pub fn new(world: World) -> Self {
        Self { world, shared: Arc::default() }
    }

    /// A timestamp that is later than all before.
    pub fn next(&self) -> u64 {
        let now = self.wall();
        let later = |last: u64| Some(last.saturating_add(1).max(now).min(END));
        let before = self.shared.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        later(before.unwrap_or(END)).unwrap_or(END)
    }

    /// The last one that was given or observed.
    pub fn last(&self) -> u64 {
        self.shared.last.load(Ordering::SeqCst)
    }

    /// Notes one that somebody else gave: those from now on are later.
    pub fn observe(&self, ts: u64) {
        self.shared.last.fetch_max(ts.min(END), Ordering::SeqCst);
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Time {
        self.world.now()
    }

    /// The wall clock in nanoseconds.
    pub fn wall(&self) -> u64 {
        u64::try_from(self.now().ms()).unwrap_or(0).saturating_mul(1_000_000)
    }

    /// The timestamp of a commit that begins.
    pub(crate) fn begin(&self, organization: Option<&OrgId>) -> PendingCommit {
        let mut pending = self.pending();
        let ts = self.next();
        pending.entry(organization.cloned()).or_default().insert(ts);
        PendingCommit { timestamps: self.clone(), organization: organization.cloned(), ts }
    }

    /// The newest timestamp up to which every commit of an organization can be seen. It waits for nothing, and never goes back.
    pub(crate) fn settled(&self, organization: Option<&OrgId>) -> u64 {
        let pending = self.pending();
        first(&pending, organization).map_or_else(|| self.next(), |first| first - 1)
    }

    /// The newest timestamp up to which every commit of every organization can be seen: for who has to wait for none of them
    /// when it asks for answers that are not older.
    pub fn settled_everywhere(&self) -> u64 {
        let pending = self.pending();
        let first = pending.values().filter_map(BTreeSet::first).min().copied();
        first.map_or_else(|| self.next(), |first| first - 1)
    }

    /// Waits until every commit of an organization up to `ts` can be seen.
    pub(crate) async fn settle(&self, organization: Option<&OrgId>, ts: u64) {
        loop {
            // Before looking: one that ends in between is noticed.
            let mut ended = std::pin::pin!(self.shared.ended.notified());
            ended.as_mut().enable();
            if first(&self.pending(), organization).is_none_or(|first| first > ts) {
                return;
            }
            ended.await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The oldest pending commit that concerns an organization.
fn first(pending: &Pending, organization: Option<&OrgId>) -> Option<u64> {
    let own = organization.and_then(|_| pending.get(&organization.cloned()));
    own.into_iter().chain(pending.get(&None)).filter_map(BTreeSet::first).min().copied()
}

impl Drop for PendingCommit {
    fn drop(&mut self) {
        let mut pending = self.timestamps.pending();
        if let Some(own) = pending.get_mut(&self.organization) {
            own.remove(&self.ts);
            if own.is_empty() {
                pending.remove(&self.organization);
            }
        }
        drop(pending);
        self.timestamps.shared.ended.notify_waiters();
    }
}
