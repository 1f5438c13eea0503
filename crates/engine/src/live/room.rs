//! What the people of one organization watch.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::{Error, OrgId, Time};
use store::Table;
use tokio::sync::Notify;

use super::{
    Inner, Shown,
    expiry::Due,
    round,
    shared::{Question, Shared},
};
use crate::operation::{Asked, Caller, Who};

pub(super) struct Room {
    pub(super) organization: Option<OrgId>,
    state: Mutex<State>,
    /// Told whenever a round ends.
    pub(super) progress: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) views: usize,
    /// Who is here, by what they showed.
    pub(super) seats: HashMap<Arc<str>, Seat>,
    pub(super) shared: HashMap<u64, Shared>,
    index: HashMap<Arc<Question>, u64>,
    next: u64,
    /// How many read a table.
    interest: HashMap<Table, usize>,
    /// What was written and not looked at yet.
    pub(super) pending: BTreeSet<Table>,
    /// The same, by commits that have a number: of those a snapshot tells whether it shows them.
    pub(super) told: HashMap<i64, BTreeSet<Table>>,
    /// How many commits were heard of, and which of them was the last to write a table.
    pub(super) heard: u64,
    written: HashMap<Table, u64>,
    /// Commits that a round found before they were told here.
    pub(super) ahead: HashSet<i64>,
    /// Counts what there is to do, and how much of it is done.
    pub(super) marked: u64,
    pub(super) done: u64,
    /// The moment that the answers show.
    pub(super) ts: u64,
    /// Why the last round failed, and what it was to do.
    pub(super) failed: Option<(u64, Arc<Error>)>,
    pub(super) is_running: bool,
}

/// Somebody in the room: all the views of one person, or of one key.
pub(super) struct Seat {
    number: u64,
    pub(super) who: Who,
    pub(super) watchers: HashMap<u64, Arc<Notify>>,
    pub(super) standing: Standing,
    /// Whether their standing may be another one now; counts up so that what was found out meanwhile can be told apart.
    pub(super) doubts: u64,
    pub(super) resolved: u64,
    pub(super) resolved_at: Time,
    /// When that may end by time alone.
    until: Option<Time>,
    pub(super) reads: BTreeSet<Table>,
}

/// What somebody is here.
pub(super) enum Standing {
    /// Nobody asked yet.
    Unknown,
    /// This caller, who sees what everybody with this reach sees.
    Is { caller: Arc<Caller>, reach: Arc<str> },
    /// Nobody any more.
    Nobody(Arc<Error>),
}

impl Seat {
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubts != self.resolved
    }

    /// Makes the room look again when their standing ends.
    pub(super) fn expire(&mut self, inner: &Inner, room: &Arc<Room>, person: &Arc<str>) {
        let until = match &self.standing {
            Standing::Is { caller, .. } => caller.until,
            Standing::Unknown | Standing::Nobody(_) => None,
        };
        inner.expiries.remove(self.until, self.number);
        inner.expiries.add(until, self.number, Due::Seat { room: Arc::downgrade(room), person: person.clone() });
        self.until = until;
    }
}

impl Room {
    pub(super) fn new(organization: Option<OrgId>) -> Self {
        Self { organization, state: Mutex::default(), progress: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a commit, of this number where it has one, wrote these tables, and goes to work when somebody here reads
    /// them. Every snapshot from now on shows it.
    pub(super) fn hear(self: &Arc<Self>, inner: &Arc<Inner>, tables: &BTreeSet<Table>, number: Option<i64>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if number.is_some_and(|number| state.ahead.contains(&number)) {
            return;
        }
        state.heard += 1;
        for table in tables {
            state.written.insert(table.clone(), state.heard);
        }
        let read: Vec<_> = tables.iter().filter(|table| state.interest.contains_key(*table)).cloned().collect();
        if read.is_empty() {
            return;
        }
        match number {
            Some(number) => state.told.entry(number).or_default().extend(read),
            None => state.pending.extend(read),
        }
        self.mark(inner, state);
    }

    /// There is something to do.
    pub(super) fn mark(self: &Arc<Self>, inner: &Arc<Inner>, state: &mut State) {
        state.marked += 1;
        if !state.is_running {
            state.is_running = true;
            inner.runtime.spawn(round::work(inner.clone(), self.clone()));
        }
    }

    /// A view takes its seat. What the others of the same person have already, it shares with them: tokens are long.
    pub(super) fn sit(
        self: &Arc<Self>,
        inner: &Arc<Inner>,
        person: &mut Arc<str>,
        who: &mut Who,
        view: (u64, &Arc<Notify>),
    ) {
        let mut state = self.lock();
        let (mut is_newer, mut is_somebody) = (false, false);
        match state.seats.entry(person.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Seat {
                    number: inner.next_view(),
                    who: who.clone(),
                    watchers: HashMap::new(),
                    standing: Standing::Unknown,
                    doubts: 1,
                    resolved: 0,
                    resolved_at: Time::default(),
                    until: None,
                    reads: BTreeSet::new(),
                });
            }
            Entry::Occupied(mut occupied) => {
                *person = occupied.key().clone();
                let seat = occupied.get_mut();
                if seat.who.identity == who.identity {
                    who.identity = seat.who.identity.clone();
                }
                is_newer = seat.who.identity.expires_at() < who.identity.expires_at();
                if is_newer {
                    seat.who = who.clone();
                }
                is_somebody = !matches!(seat.standing, Standing::Nobody(_));
                if !is_somebody {
                    seat.doubts += 1;
                }
            }
        }
        if let Some(seat) = state.seats.get_mut(person) {
            seat.watchers.insert(view.0, view.1.clone());
        }
        // With a newer token somebody may ask again what nobody could ask with an expired one.
        if !is_somebody || (is_newer && state.shared.values().any(|shared| shared.is_dirty)) {
            self.mark(inner, &mut state);
        }
    }

    /// Somebody may be somebody else now.
    pub(super) fn doubt(self: &Arc<Self>, inner: &Arc<Inner>, person: &Arc<str>) {
        let mut state = self.lock();
        if let Some(seat) = state.seats.get_mut(person) {
            seat.doubts += 1;
            self.mark(inner, &mut state);
        }
    }

    /// A view leaves its seat.
    pub(super) fn rise(self: &Arc<Self>, inner: &Inner, person: &Arc<str>, view: u64) {
        let mut state = self.lock();
        let Some(seat) = state.seats.get_mut(person) else { return };
        seat.watchers.remove(&view);
        if seat.watchers.is_empty() {
            let reads = std::mem::take(&mut seat.reads);
            inner.expiries.remove(seat.until, seat.number);
            state.seats.remove(person);
            state.lose_interest(inner, self, &reads);
        }
    }

    /// One more query of a view. Answers where its answers will be.
    pub(super) fn watch(
        self: &Arc<Self>,
        inner: &Arc<Inner>,
        state: &mut State,
        asked: &Asked,
        party: &Arc<str>,
        view: (u64, &Arc<Notify>),
    ) -> u64 {
        let question = Arc::new(Question::new(inner.operations.catalog(), asked, party.clone()));
        let known = state.index.get(&question).copied();
        let id = known.unwrap_or_else(|| {
            state.next += 1;
            state.index.insert(question.clone(), state.next);
            state.shared.insert(state.next, Shared::new(asked.clone(), question));
            state.next
        });
        let mut is_dirty = false;
        if let Some(shared) = state.shared.get_mut(&id) {
            shared.watchers.entry(view.0).or_insert_with(|| (view.1.clone(), 0)).1 += 1;
            is_dirty = shared.is_dirty;
        }
        if is_dirty {
            self.mark(inner, state);
        }
        id
    }

    /// One query of a view less.
    pub(super) fn unwatch(self: &Arc<Self>, inner: &Inner, state: &mut State, id: u64, view: u64) {
        let Some(shared) = state.shared.get_mut(&id) else { return };
        if let Entry::Occupied(mut watcher) = shared.watchers.entry(view) {
            watcher.get_mut().1 -= 1;
            if watcher.get().1 == 0 {
                watcher.remove();
            }
        }
        if shared.watchers.is_empty()
            && let Some(shared) = state.shared.remove(&id)
        {
            for name in &shared.names {
                if state.index.get(name) == Some(&id) {
                    state.index.remove(name);
                }
            }
            state.lose_interest(inner, self, &shared.reads);
        }
    }
}

impl State {
    /// What a shared query, or somebody's standing, is read from now. Tables that nobody here read before are looked at
    /// again when they were written since `since`: the room did not listen. Answers whether there are such.
    pub(super) fn change_interest(
        &mut self,
        inner: &Inner,
        room: &Arc<Room>,
        (before, now): (&BTreeSet<Table>, &BTreeSet<Table>),
        since: Since,
    ) -> bool {
        let mut is_overtaken = false;
        for table in now.difference(before) {
            let count = self.interest.entry(table.clone()).or_default();
            *count += 1;
            if *count > 1 {
                continue;
            }
            if !table.is_tenant {
                inner.installation.watch(table, room);
            }
            let here = self.written.get(table).is_some_and(|last| *last > since.heard);
            if here || (!table.is_tenant && inner.installation.is_written_since(table, since.installation)) {
                self.pending.insert(table.clone());
                is_overtaken = true;
            }
        }
        let gone: BTreeSet<_> = before.difference(now).cloned().collect();
        self.lose_interest(inner, room, &gone);
        is_overtaken
    }

    /// Whether there is nothing left to do.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty()
            && self.told.is_empty()
            && !self.shared.values().any(|shared| shared.is_dirty)
            && !self.seats.values().any(Seat::is_in_doubt)
    }

    /// Whatever is read from these tables is to be asked again.
    pub(super) fn touch(&mut self, tables: &BTreeSet<Table>) {
        if tables.is_empty() {
            return;
        }
        for shared in self.shared.values_mut() {
            shared.is_dirty |= !shared.reads.is_disjoint(tables);
        }
        for seat in self.seats.values_mut() {
            if !seat.is_in_doubt() && !seat.reads.is_disjoint(tables) {
                seat.doubts += 1;
            }
        }
    }

    fn lose_interest(&mut self, inner: &Inner, room: &Arc<Room>, tables: &BTreeSet<Table>) {
        for table in tables {
            let Some(count) = self.interest.get_mut(table) else { continue };
            *count -= 1;
            if *count == 0 {
                self.interest.remove(table);
                if !table.is_tenant {
                    inner.installation.forget(table, room);
                }
            }
        }
    }

    /// A shared query has this answer now. Answers those who have to be woken.
    pub(super) fn show(&mut self, id: u64, now: Shown) -> Vec<Arc<Notify>> {
        let Some(shared) = self.shared.get_mut(&id) else { return Vec::new() };
        let is_first = shared.shown.is_none();
        if shared.shown.as_ref().is_some_and(|last| last.is_same(&now)) {
            return Vec::new();
        }
        shared.asked.journal.clone_from(&now.journal);
        shared.shown = Some(Arc::new(now));
        let woken = shared.watchers.values().map(|(notify, _)| notify.clone()).collect();
        if is_first {
            if let Some(resumed) = shared.resumed().map(Arc::new)
                && !self.index.contains_key(&resumed)
            {
                shared.names.push(resumed.clone());
                self.index.insert(resumed, id);
            }
        } else if let Some(begun) = shared.begun() {
            self.index.remove(&begun);
        }
        woken
    }
}

/// The commits that were heard of before a round took its snapshot.
#[derive(Clone, Copy)]
pub(super) struct Since {
    pub(super) heard: u64,
    pub(super) installation: u64,
}
