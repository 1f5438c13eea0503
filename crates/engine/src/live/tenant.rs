//! The subscriptions of one organization on this node, and who watches them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::OrgId;
use store::Table;
use tokio::sync::Notify;

use super::{
    Hub, Shown, refresh,
    slice::{self, Candidate, Slice},
    state::{Freshness, Interest, Reader, RefreshState},
    subscription::{Key, Request, Subscription},
    viewer::{Resolution, Viewer},
};
use crate::operation::Who;

/// An organization with live queries; without one, those who belong to none.
pub(super) struct Tenant {
    pub(super) organization: Option<OrgId>,
    state: Mutex<State>,
    /// Told whenever a refresh ends.
    pub(super) progress: Notify,
}

#[derive(Default)]
pub(super) struct State {
    /// How many views there are.
    pub(super) views: usize,
    /// By the credentials that they showed.
    pub(super) viewers: HashMap<Arc<str>, Viewer>,
    pub(super) subscriptions: HashMap<u64, Subscription>,
    index: HashMap<Arc<Key>, u64>,
    next: u64,
    /// How fresh all of it is.
    pub(super) refresh: RefreshState,
    /// The view whose turn was last, when they took turns.
    last_turn: u64,
    /// Whether the last refresh was cut because it took longer than it was expected to.
    pub(super) was_cut: bool,
}

impl Tenant {
    pub(super) fn new(organization: Option<OrgId>) -> Self {
        Self { organization, state: Mutex::default(), progress: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit, of this number where it has one, wrote these tables. Every snapshot from now on shows it.
    pub(super) fn hear(self: &Arc<Self>, hub: &Arc<Hub>, tables: &BTreeSet<Table>, number: Option<i64>) {
        let mut state = self.lock();
        if state.refresh.hear(number, tables) {
            self.schedule(hub, &mut state);
        }
    }

    /// Commits were missed: everything is run again.
    pub(super) fn invalidate_all(self: &Arc<Self>, hub: &Arc<Hub>) {
        let mut state = self.lock();
        state.refresh.invalidate_all();
        self.schedule(hub, &mut state);
    }

    /// Starts the task that refreshes, when there is work and the task does not run.
    pub(super) fn schedule(self: &Arc<Self>, hub: &Arc<Hub>, state: &mut State) {
        if state.refresh.schedule() {
            hub.runtime.spawn(refresh::run(hub.clone(), self.clone()));
        }
    }

    /// One more view of a viewer. What the viewer's others have already, it shares with them: tokens are long.
    pub(super) fn join(
        self: &Arc<Self>,
        hub: &Arc<Hub>,
        credentials: &mut Arc<str>,
        who: &mut Who,
        view: (u64, &Arc<Notify>),
    ) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let viewer = match state.viewers.entry(credentials.clone()) {
            Entry::Vacant(vacant) => {
                let number = hub.next_number();
                state.refresh.insert(Reader::Viewer(number));
                vacant.insert(Viewer::new(number, who.clone()))
            }
            Entry::Occupied(occupied) => {
                *credentials = occupied.key().clone();
                let viewer = occupied.into_mut();
                if viewer.who.identity == who.identity {
                    who.identity = viewer.who.identity.clone();
                }
                if viewer.who.identity.expires_at() < who.identity.expires_at() {
                    viewer.who = who.clone();
                    // What could not be run with an expired token can be run with this one.
                    state.refresh.unpark();
                }
                if matches!(viewer.resolution, Resolution::Refused(_)) {
                    state.refresh.invalidate(Reader::Viewer(viewer.number));
                }
                viewer
            }
        };
        viewer.watchers.insert(view.0, view.1.clone());
        self.schedule(hub, state);
    }

    /// A viewer may be somebody else now.
    pub(super) fn doubt(self: &Arc<Self>, hub: &Arc<Hub>, credentials: &Arc<str>) {
        let mut state = self.lock();
        if let Some(number) = state.viewers.get(credentials).map(|viewer| viewer.number) {
            state.refresh.invalidate(Reader::Viewer(number));
            self.schedule(hub, &mut state);
        }
    }

    /// One view of a viewer less.
    pub(super) fn part(self: &Arc<Self>, hub: &Hub, credentials: &Arc<str>, view: u64) {
        let mut state = self.lock();
        let Some(viewer) = state.viewers.get_mut(credentials) else { return };
        viewer.watchers.remove(&view);
        if viewer.watchers.is_empty()
            && let Some(viewer) = state.viewers.remove(credentials)
        {
            viewer.end(hub);
            let interest = state.refresh.remove(Reader::Viewer(viewer.number));
            self.note(hub, &interest);
        }
    }

    /// One more query of a view. Answers its subscription.
    pub(super) fn watch(
        self: &Arc<Self>,
        hub: &Arc<Hub>,
        state: &mut State,
        request: &mut Request,
        audience: &Arc<str>,
        view: (u64, &Arc<Notify>),
    ) -> u64 {
        let key = Arc::new(Key { request: request.clone(), audience: audience.clone() });
        let id = match state.index.get_key_value(&key) {
            Some((known, id)) => {
                // The same text is kept once.
                request.clone_from(&known.request);
                *id
            }
            None => {
                state.next += 1;
                state.index.insert(key.clone(), state.next);
                state.subscriptions.insert(state.next, Subscription::new(key));
                state.refresh.insert(Reader::Subscription(state.next));
                state.next
            }
        };
        if let Some(subscription) = state.subscriptions.get_mut(&id) {
            subscription.watchers.entry(view.0).or_insert_with(|| (view.1.clone(), 0)).1 += 1;
        }
        self.schedule(hub, state);
        id
    }

    /// One query of a view less.
    pub(super) fn unwatch(self: &Arc<Self>, hub: &Hub, state: &mut State, id: u64, view: u64) {
        let Some(subscription) = state.subscriptions.get_mut(&id) else { return };
        if let Entry::Occupied(mut watcher) = subscription.watchers.entry(view) {
            watcher.get_mut().1 -= 1;
            if watcher.get().1 == 0 {
                watcher.remove();
            }
        }
        if subscription.watchers.is_empty()
            && let Some(subscription) = state.subscriptions.remove(&id)
        {
            for key in &subscription.keys {
                if state.index.get(key) == Some(&id) {
                    state.index.remove(key);
                }
            }
            let interest = state.refresh.remove(Reader::Subscription(id));
            self.note(hub, &interest);
        }
    }

    /// Tells the installation which of its tables are read here now.
    pub(super) fn note(self: &Arc<Self>, hub: &Hub, interest: &Interest) {
        interest.gained.iter().for_each(|table| hub.installation.watch(table, self));
        interest.lost.iter().for_each(|table| hub.installation.unwatch(table, self));
    }
}

impl State {
    /// What the next refresh runs.
    pub(super) fn slice(&self, hub: &Hub) -> Slice {
        let ids = self.refresh.outstanding().filter_map(|reader| match reader {
            Reader::Subscription(id) => Some(id),
            Reader::Viewer(_) => None,
        });
        let candidate = |id| {
            let subscription = self.subscriptions.get(&id)?;
            Some(Candidate { id, cost: subscription.cost.unwrap_or_else(|| hub.cost(&subscription.request.operation)) })
        };
        let candidates: Vec<_> = ids.filter_map(candidate).collect();
        let mut slice = slice::choose(&candidates, || self.views_of(&candidates), self.last_turn);
        slice.is_long |= self.was_cut;
        slice
    }

    /// The views that wait, and for what.
    fn views_of(&self, candidates: &[Candidate]) -> BTreeMap<u64, BTreeSet<u64>> {
        let mut views: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for candidate in candidates {
            for view in self.subscriptions.get(&candidate.id).into_iter().flat_map(|one| one.watchers.keys()) {
                views.entry(*view).or_default().insert(candidate.id);
            }
        }
        views
    }

    /// A refresh was as long as this slice.
    pub(super) fn took(&mut self, slice: &Slice, was_cut: bool) {
        self.last_turn = slice.turn.unwrap_or(self.last_turn);
        self.was_cut = was_cut;
    }

    /// Whether a viewer has to be resolved again.
    pub(super) fn is_in_doubt(&self, viewer: &Viewer) -> bool {
        self.refresh.is_outstanding(Reader::Viewer(viewer.number))
    }

    /// A subscription has this answer now. Answers whom to wake.
    pub(super) fn show(&mut self, id: u64, now: Shown) -> Vec<Arc<Notify>> {
        let was_stale = self.refresh.freshness(Reader::Subscription(id)) == Some(Freshness::Stale);
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return Vec::new() };
        let is_first = subscription.shown.is_none();
        let is_same = subscription.shown.as_ref().is_some_and(|last| last.is_same(&now));
        if is_same && !was_stale {
            return Vec::new();
        }
        // A view that waited for a stale answer may have others to show, also when this one is the same.
        let woken = subscription.watchers.values().map(|(notify, _)| notify.clone()).collect();
        if is_same {
            return woken;
        }
        subscription.request.journal.clone_from(&now.journal);
        subscription.shown = Some(Arc::new(now));
        if is_first {
            if let Some(resumed) = subscription.resumed().map(Arc::new)
                && !self.index.contains_key(&resumed)
            {
                subscription.keys.push(resumed.clone());
                self.index.insert(resumed, id);
            }
        } else if let Some(begun) = subscription.begun() {
            self.index.remove(&begun);
        }
        woken
    }

    /// Somebody who may run the subscriptions of each of these audiences.
    pub(super) fn callers(
        &self,
        mut audiences: BTreeSet<Arc<str>>,
        now: kernel::Time,
    ) -> HashMap<Arc<str>, Arc<crate::Caller>> {
        let mut callers = HashMap::new();
        for (credentials, viewer) in &self.viewers {
            if audiences.is_empty() {
                break;
            }
            let has_expired = viewer.who.identity.expires_at().is_some_and(|end| end <= now);
            let Resolution::Caller { caller, audience } = &viewer.resolution else { continue };
            if has_expired || self.is_in_doubt(viewer) {
                continue;
            }
            for audience in [credentials, audience] {
                if audiences.remove(audience) {
                    callers.insert(audience.clone(), caller.clone());
                }
            }
        }
        callers
    }
}

/// How long a subscription is expected to take of which nothing is known.
pub(super) const UNKNOWN_COST: Duration = Duration::from_millis(1);
