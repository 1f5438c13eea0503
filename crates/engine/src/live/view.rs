//! The queries of one connection.

use std::{collections::HashMap, sync::Arc};

use kernel::{Code, Error, Result};
use tokio::sync::Notify;

use super::{
    Inner, Live, Moment, Shown, Update,
    expiry::Due,
    party,
    room::{Room, Standing, State},
};
use crate::operation::{Asked, Kind, Who};

/// How far ahead of its own clock a node follows somebody, in nanoseconds.
const FAR: u64 = 3600 * 1_000_000_000;

/// The queries of one connection, which move from one moment to the next together. Dropping it ends them.
pub struct View {
    live: Live,
    id: u64,
    who: Who,
    room: Arc<Room>,
    /// What the connection showed, by name.
    person: Arc<str>,
    /// Whose answers it gets.
    reach: Option<Arc<str>>,
    queries: HashMap<u32, Watched>,
    notify: Arc<Notify>,
    /// The moment that was shown last.
    ts: u64,
}

struct Watched {
    asked: Asked,
    /// Where its answers are, once somebody knows who asks.
    shared: Option<u64>,
    /// What was shown last.
    shown: Option<Arc<Shown>>,
}

enum Step {
    Shown(Moment),
    /// Until the next round ends.
    Wait,
    /// Until everything up to this moment can be seen.
    Settle(u64),
    /// Until there are timestamps.
    Reserve,
}

impl View {
    pub(super) fn new(live: Live, who: Who) -> Self {
        let inner = live.inner.clone();
        let mut view = Self {
            id: inner.next_view(),
            room: inner.enter(who.organization.as_ref()),
            person: party::person(&who.identity),
            reach: None,
            queries: HashMap::new(),
            notify: Arc::new(Notify::new()),
            ts: 0,
            live,
            who,
        };
        view.sit();
        view
    }

    /// Whose queries these are.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// One more query, under a number of the caller's choice. Nothing is asked yet.
    pub fn add(&mut self, id: u32, asked: Asked) {
        self.remove(id);
        self.queries.insert(id, Watched { asked, shared: None, shown: None });
    }

    /// One query less.
    pub fn remove(&mut self, id: u32) {
        if let Some(watched) = self.queries.remove(&id)
            && let Some(shared) = watched.shared
        {
            self.room.unwatch(&self.live.inner, &mut self.room.lock(), shared, self.id);
        }
    }

    /// Somebody else looks, or the same party showed a newer token. For somebody else everything is asked anew.
    pub fn set_who(&mut self, who: Who) {
        let is_same = self.who.organization == who.organization && self.who.identity.is_same_party(&who.identity);
        let person = party::person(&who.identity);
        let inner = self.live.inner.clone();
        inner.expiries.remove(self.who.identity.expires_at(), self.id);
        if is_same && person == self.person {
            self.who = who;
            self.sit();
            return;
        }
        self.forget_answers();
        if self.who.organization != who.organization {
            // A place in a list of one organization means nothing in another.
            self.queries.values_mut().for_each(|watched| watched.asked.journal = None);
        }
        self.room.rise(&inner, &self.person, self.id);
        let room = inner.enter(who.organization.as_ref());
        let left = std::mem::replace(&mut self.room, room);
        inner.leave(&left);
        (self.who, self.person, self.reach) = (who, person, None);
        self.sit();
    }

    /// Ends when something that this view shows may have changed. It may be dropped and called again at any time.
    pub async fn changed(&mut self) {
        while !self.is_behind() {
            self.notify.notified().await;
        }
    }

    /// Moves all queries to one moment that is not before `least` and shows everything that was committed before the call.
    /// Answers what is another than it was shown last. A `least` of more than an hour ahead counts as an hour.
    ///
    /// # Errors
    /// `Unauthenticated` when what the connection showed is worth nothing any more; `Unavailable` when the database does
    /// not answer.
    pub async fn advance(&mut self, least: u64) -> Result<Moment> {
        let inner = self.live.inner.clone();
        let room = self.room.clone();
        let timestamps = inner.operations.timestamps();
        // Who comes from a future that is too far off is not followed there: everybody would have to.
        let least = least.min(timestamps.wall().max(timestamps.last()).saturating_add(FAR));
        timestamps.observe(least);
        inner.reserved.renew(&inner.operations).await?;
        self.ts = self.ts.max(inner.reserved.before());
        let mut goal = None;
        // Who was woken for something finds it there.
        if let Step::Shown(moment) = self.step(&inner, least, &mut goal)? {
            return Ok(moment);
        }
        loop {
            // Before looking: a round that ends in between is noticed.
            let mut progress = std::pin::pin!(room.progress.notified());
            progress.as_mut().enable();
            match self.step(&inner, least, &mut goal)? {
                Step::Shown(moment) => return Ok(moment),
                Step::Wait => progress.await,
                Step::Settle(ts) => timestamps.settle(room.organization.as_ref(), ts).await,
                Step::Reserve => inner.reserved.renew(&inner.operations).await?,
            }
        }
    }

    fn step(&mut self, inner: &Arc<Inner>, least: u64, goal: &mut Option<u64>) -> Result<Step> {
        self.check_expiry()?;
        // Before the room is looked at: what it is told of later has a later timestamp.
        let now = inner.operations.timestamps().settled(self.room.organization.as_ref());
        let room = self.room.clone();
        let mut guard = room.lock();
        let state = &mut *guard;
        let until = *goal.get_or_insert(state.marked);
        if !self.find_reach(inner, state)? || !self.attach(inner, state, goal) {
            return waiting(state, until);
        }
        let until = goal.unwrap_or(until);
        let least = least.max(self.ts);
        let ts = match state.done {
            done if done == state.marked => now.max(state.ts),
            done if done >= until && state.ts >= least => state.ts,
            _ => return waiting(state, until),
        };
        if ts < least {
            return Ok(Step::Settle(least));
        }
        if !inner.reserved.covers(ts) {
            return Ok(Step::Reserve);
        }
        self.ts = ts;
        let updates = self.queries.iter_mut().filter_map(|(id, watched)| {
            let shown = state.shared.get(&watched.shared?)?.shown.as_ref()?;
            watched.show(shown).then(|| Update { id: *id, shown: shown.clone() })
        });
        Ok(Step::Shown(Moment { ts, updates: updates.collect() }))
    }

    /// Finds out whose answers this view gets now. False when that is in doubt.
    fn find_reach(&mut self, inner: &Inner, state: &mut State) -> Result<bool> {
        let Some(seat) = state.seats.get(&self.person) else { return Ok(false) };
        if seat.is_in_doubt() {
            return Ok(false);
        }
        let reach = match &seat.standing {
            Standing::Unknown => return Ok(false),
            Standing::Nobody(error) => return Err(again(error)),
            Standing::Is { reach, .. } => reach.clone(),
        };
        if self.reach.as_ref() != Some(&reach) {
            for watched in self.queries.values_mut() {
                if let Some(shared) = watched.shared.take() {
                    self.room.unwatch(inner, state, shared, self.id);
                }
            }
            self.reach = Some(reach);
        }
        Ok(true)
    }

    /// Finds the answers of queries that have none yet. False when some of them are still to be asked.
    fn attach(&mut self, inner: &Arc<Inner>, state: &mut State, goal: &mut Option<u64>) -> bool {
        let Some(reach) = &self.reach else { return false };
        let mut is_whole = true;
        for watched in self.queries.values_mut() {
            let shared = match watched.shared {
                Some(shared) => shared,
                None => {
                    let found = inner.operations.catalog().find(&watched.asked.operation);
                    let is_personal =
                        found.is_ok_and(|found| found.description.personal && found.description.kind == Kind::Query);
                    let party = if is_personal { &self.person } else { reach };
                    let shared = self.room.watch(inner, state, &watched.asked, party, (self.id, &self.notify));
                    watched.shared = Some(shared);
                    *goal = Some(state.marked);
                    shared
                }
            };
            is_whole &= state.shared.get(&shared).is_some_and(|shared| shared.shown.is_some());
        }
        is_whole
    }

    /// Whether there is something that was not shown.
    fn is_behind(&self) -> bool {
        if self.check_expiry().is_err() {
            return true;
        }
        let state = self.room.lock();
        let is_other = state.seats.get(&self.person).is_none_or(|seat| match &seat.standing {
            Standing::Unknown => false,
            Standing::Nobody(_) => true,
            Standing::Is { reach, .. } => self.reach.as_ref().is_some_and(|known| known != reach),
        });
        is_other
            || self.queries.values().any(|watched| {
                let shared = watched.shared.and_then(|shared| state.shared.get(&shared)?.shown.as_ref());
                shared.is_some_and(|shared| watched.shown.as_ref().is_none_or(|shown| !Arc::ptr_eq(shown, shared)))
            })
    }

    fn check_expiry(&self) -> Result<()> {
        let now = self.live.inner.operations.world().now();
        match self.who.identity.expires_at() {
            Some(end) if end <= now => {
                Err(Error::new(Code::Unauthenticated, "token_expired", "the token has expired: sign in again"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn sit(&mut self) {
        let inner = &self.live.inner;
        inner.expiries.add(self.who.identity.expires_at(), self.id, Due::View(self.notify.clone()));
        self.room.sit(inner, &mut self.person, &mut self.who, (self.id, &self.notify));
    }

    /// Asks everything anew, and keeps in mind what was shown.
    fn forget_answers(&mut self) {
        let mut state = self.room.lock();
        for watched in self.queries.values_mut() {
            if let Some(shared) = watched.shared.take() {
                self.room.unwatch(&self.live.inner, &mut state, shared, self.id);
            }
        }
    }
}

impl Watched {
    /// Notes what is shown now. Whether it is another than before.
    fn show(&mut self, now: &Arc<Shown>) -> bool {
        let is_other = self.shown.as_ref().is_none_or(|shown| !Arc::ptr_eq(shown, now) && !shown.is_same(now));
        self.asked.journal.clone_from(&now.journal);
        self.shown = Some(now.clone());
        is_other
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.forget_answers();
        let inner = &self.live.inner;
        inner.expiries.remove(self.who.identity.expires_at(), self.id);
        self.room.rise(inner, &self.person, self.id);
        inner.leave(&self.room);
    }
}

/// Waits for a round, unless the one that was waited for failed.
fn waiting(state: &State, goal: u64) -> Result<Step> {
    match &state.failed {
        Some((marked, error)) if *marked >= goal => Err(again(error)),
        Some(_) | None => Ok(Step::Wait),
    }
}

/// The same error for one more.
fn again(error: &Error) -> Error {
    Error::new(error.code, error.tag, error.message.clone())
}
