//! Timestamps of the live protocol: they only grow, over restarts and from one node to the next.
//!
//! They are nanoseconds of the wall clock as long as that goes forward, and count on where it does not. What another node
//! gave is observed, so that whoever comes from there is never shown an earlier number here.
//!
//! A mutation writes its timestamp down with what it changes, so it has it a moment before anybody can see the change. Until
//! then nobody on this node may say of an answer that it is of that moment or a later one: see [`Timestamps::settled`].

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
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    last: AtomicU64,
    underway: Mutex<Underway>,
    /// Told whenever a commit is through.
    through: Notify,
}

/// The commits that nobody can see yet, by organization; those of none may concern everybody.
type Underway = HashMap<Option<OrgId>, BTreeSet<u64>>;

/// The timestamp of a commit that is under way, for as long as it is. Drop it when everybody can see the commit.
pub(crate) struct Ticket {
    timestamps: Timestamps,
    organization: Option<OrgId>,
    pub(crate) ts: u64,
}

impl Timestamps {
    /// Timestamps from now on.
    pub fn new(world: World) -> Self {
        Self { world, inner: Arc::default() }
    }

    /// A timestamp that is later than all before.
    pub fn next(&self) -> u64 {
        let now = self.wall();
        let later = |last: u64| Some(last.saturating_add(1).max(now).min(END));
        let before = self.inner.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        later(before.unwrap_or(END)).unwrap_or(END)
    }

    /// The last one that was given or observed.
    pub fn last(&self) -> u64 {
        self.inner.last.load(Ordering::SeqCst)
    }

    /// Notes one that somebody else gave: those from now on are later.
    pub fn observe(&self, ts: u64) {
        self.inner.last.fetch_max(ts.min(END), Ordering::SeqCst);
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
    pub(crate) fn begin(&self, organization: Option<&OrgId>) -> Ticket {
        let mut underway = self.underway();
        let ts = self.next();
        underway.entry(organization.cloned()).or_default().insert(ts);
        Ticket { timestamps: self.clone(), organization: organization.cloned(), ts }
    }

    /// The newest moment of an organization of which everything can be seen. It never goes back.
    pub(crate) fn settled(&self, organization: Option<&OrgId>) -> u64 {
        let underway = self.underway();
        first(&underway, organization).map_or_else(|| self.next(), |first| first - 1)
    }

    /// Waits until everything of an organization up to `ts` can be seen.
    pub(crate) async fn settle(&self, organization: Option<&OrgId>, ts: u64) {
        loop {
            // Before looking: one that gets through in between is noticed.
            let mut through = std::pin::pin!(self.inner.through.notified());
            through.as_mut().enable();
            if first(&self.underway(), organization).is_none_or(|first| first > ts) {
                return;
            }
            through.await;
        }
    }

    fn underway(&self) -> MutexGuard<'_, Underway> {
        self.inner.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The oldest commit that concerns an organization and cannot be seen yet.
fn first(underway: &Underway, organization: Option<&OrgId>) -> Option<u64> {
    let own = organization.and_then(|_| underway.get(&organization.cloned()));
    own.into_iter().chain(underway.get(&None)).filter_map(BTreeSet::first).min().copied()
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut underway = self.timestamps.underway();
        if let Some(own) = underway.get_mut(&self.organization) {
            own.remove(&self.ts);
            if own.is_empty() {
                underway.remove(&self.organization);
            }
        }
        drop(underway);
        self.timestamps.inner.through.notify_waiters();
    }
}
