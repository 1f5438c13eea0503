//! The queries of one connection.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Code, Error, Result};
use tokio::sync::Notify;

use super::{
    Hub, Live, Moment, Shown, Update, audience,
    expiry::Due,
    state::{Freshness, Position, Reader},
    subscription::Request,
    tenant::{State, Tenant},
    viewer::Resolution,
};
use crate::operation::{Identity, Kind, QueryRequest, Who};

/// How far ahead of its own clock a node follows a client, in nanoseconds.
const FAR: u64 = 3600 * 1_000_000_000;
/// Bytes that a query takes besides its arguments and its answer.
const OVERHEAD: usize = 512;

/// The queries of one connection, which move from one moment to the next together. Dropping it ends them.
pub struct View {
    live: Live,
    number: u64,
    who: Who,
    tenant: Arc<Tenant>,
    /// Names the viewer.
    credentials: Arc<str>,
    /// Whose answers it gets, once that is known.
    audience: Option<Arc<str>>,
    /// In the order in which they are refused when there are too many bytes: the newest first.
    queries: BTreeMap<u32, Watched>,
    /// Bytes of their arguments.
    requested_bytes: usize,
    /// What was refused and not told yet. Nothing else is kept of it.
    refused: Vec<Update>,
    notify: Arc<Notify>,
    /// The moment that was shown last.
    ts: u64,
}

struct Watched {
    request: Request,
    /// Once the audience is known.
    subscription: Option<u64>,
    /// What was shown last.
    shown: Option<Arc<Shown>>,
}

/// What `advance` does next.
enum Next {
    Show(Moment),
    /// Wait until the next refresh ends.
    AwaitRefresh,
    /// Wait until everything up to this moment can be seen.
    AwaitCommits(u64),
    /// Reserve timestamps.
    Reserve,
}

impl View {
    pub(super) fn new(live: Live, who: Who) -> Self {
        let hub = live.hub.clone();
        let mut view = Self {
            number: hub.next_number(),
            tenant: hub.enter(who.organization.as_ref()),
            credentials: audience::credentials(&who.identity),
            audience: None,
            queries: BTreeMap::new(),
            requested_bytes: 0,
            refused: Vec::new(),
            notify: Arc::new(Notify::new()),
            ts: 0,
            live,
            who,
        };
        view.join();
        view
    }

    /// Whose queries these are.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// One more query, under a number of the caller's choice. Nothing is run yet. What exceeds the limits of the view is
    /// refused: the next moment says so, and nothing is kept of it.
    pub fn add(&mut self, id: u32, request: QueryRequest) {
        self.remove(id);
        let request = Request::new(self.live.hub.operations.catalog(), request);
        if let Err(error) = self.check_room(&request) {
            self.refuse(id, error);
            return;
        }
        self.requested_bytes += request.bytes() + OVERHEAD;
        self.queries.insert(id, Watched { request, subscription: None, shown: None });
    }

    /// One query less. Whether there was one.
    pub fn remove(&mut self, id: u32) -> bool {
        self.refused.retain(|refused| refused.id != id);
        let Some(watched) = self.queries.remove(&id) else { return false };
        self.requested_bytes = self.requested_bytes.saturating_sub(watched.request.bytes() + OVERHEAD);
        if let Some(subscription) = watched.subscription {
            self.tenant.unwatch(&self.live.hub, &mut self.tenant.lock(), subscription, self.number);
        }
        true
    }

    /// Another viewer, or the same one with newer credentials. For another one everything is run anew.
    pub fn set_who(&mut self, who: Who) {
        let is_same = self.who.organization == who.organization && self.who.identity.is_same_party(&who.identity);
        let credentials = audience::credentials(&who.identity);
        let hub = self.live.hub.clone();
        hub.expiries.remove(self.who.identity.expires_at(), self.number);
        if is_same && credentials == self.credentials {
            self.who = who;
            self.join();
            return;
        }
        self.unwatch_all();
        if self.who.organization != who.organization {
            // A place in a list of one organization means nothing in another.
            for watched in self.queries.values_mut() {
                let journal = watched.request.journal.take().map_or(0, |journal| journal.len());
                self.requested_bytes = self.requested_bytes.saturating_sub(journal);
            }
        }
        self.tenant.part(&hub, &self.credentials, self.number);
        let tenant = hub.enter(who.organization.as_ref());
        let left = std::mem::replace(&mut self.tenant, tenant);
        hub.leave(&left);
        (self.who, self.credentials, self.audience) = (who, credentials, None);
        self.join();
    }

    /// Ends when there may be something to show. It may be dropped and called again at any time.
    pub async fn changed(&mut self) {
        while !self.is_behind() {
            self.notify.notified().await;
        }
    }

    /// Moves all queries to one moment that is not before `least` and shows everything that was committed before the call.
    /// Answers what differs from what was shown last. A `least` of more than an hour ahead counts as an hour.
    ///
    /// # Errors
    /// `Unauthenticated` when what the connection showed is worth nothing any more; `Unavailable` when the database does
    /// not answer.
    pub async fn advance(&mut self, least: u64) -> Result<Moment> {
        let hub = self.live.hub.clone();
        let tenant = self.tenant.clone();
        let timestamps = hub.operations.timestamps();
        // A client from a future that is too far off is not followed there: everybody would have to.
        let least = least.min(timestamps.wall().max(timestamps.last()).saturating_add(FAR));
        timestamps.observe(least);
        hub.reservation.renew(&hub.operations).await?;
        self.ts = self.ts.max(hub.reservation.before());
        let mut goal = None;
        // Who was woken for something finds it without a wait.
        if let Next::Show(moment) = self.next(&hub, least, &mut goal)? {
            return Ok(moment);
        }
        loop {
            // Before looking: a refresh that ends in between is noticed.
            let mut progress = std::pin::pin!(tenant.progress.notified());
            progress.as_mut().enable();
            match self.next(&hub, least, &mut goal)? {
                Next::Show(moment) => return Ok(moment),
                Next::AwaitRefresh => progress.await,
                Next::AwaitCommits(ts) => timestamps.settle(tenant.organization.as_ref(), ts).await,
                Next::Reserve => hub.reservation.renew(&hub.operations).await?,
            }
        }
    }

    fn next(&mut self, hub: &Arc<Hub>, least: u64, goal: &mut Option<u64>) -> Result<Next> {
        self.check_expiry()?;
        // Before the tenant is looked at: what it hears of later has a later timestamp.
        let now = hub.operations.timestamps().settled(self.tenant.organization.as_ref());
        let tenant = self.tenant.clone();
        let mut guard = tenant.lock();
        let state = &mut *guard;
        let until = *goal.get_or_insert(state.refresh.requested());
        if !self.find_audience(hub, state)? {
            return next_of(state.refresh.waiting(until)).map(|_| Next::AwaitRefresh);
        }
        self.attach(hub, state, goal);
        let least = least.max(self.ts);
        let subscriptions = self.queries.values().filter_map(|watched| watched.subscription);
        let position = state.refresh.position(subscriptions, goal.unwrap_or(until), least, now);
        let Some(ts) = next_of(position)? else { return Ok(Next::AwaitRefresh) };
        if ts < least {
            return Ok(Next::AwaitCommits(least));
        }
        if !hub.reservation.covers(ts) {
            return Ok(Next::Reserve);
        }
        self.ts = ts;
        let mut updates = self.collect(state);
        drop(guard);
        updates.append(&mut self.refused);
        Ok(Next::Show(Moment { ts, updates }))
    }

    /// The answers that differ from what was shown. What does not fit into the view's bytes is given up.
    fn collect(&mut self, state: &mut State) -> Vec<Update> {
        let limit = self.limit();
        let (mut updates, mut bytes, mut excess) = (Vec::new(), self.requested_bytes, Vec::new());
        for (id, watched) in &mut self.queries {
            let shown = watched.subscription.and_then(|id| state.subscriptions.get(&id)?.shown.clone());
            let Some(shown) = shown else { continue };
            if bytes.saturating_add(shown.bytes()) > limit {
                excess.push(*id);
                continue;
            }
            bytes += shown.bytes();
            let before = watched.request.bytes();
            if watched.show(&shown) {
                updates.push(Update { id: *id, shown });
            }
            self.requested_bytes = (self.requested_bytes + watched.request.bytes()).saturating_sub(before);
        }
        for id in excess {
            if let Some(watched) = self.queries.remove(&id) {
                self.requested_bytes = self.requested_bytes.saturating_sub(watched.request.bytes() + OVERHEAD);
                if let Some(subscription) = watched.subscription {
                    self.tenant.unwatch(&self.live.hub, state, subscription, self.number);
                }
            }
            self.refuse(id, too_many_bytes(limit, self.is_signed_in()));
        }
        updates
    }

    /// Finds out whose answers this view gets now. False while that is in doubt.
    fn find_audience(&mut self, hub: &Hub, state: &mut State) -> Result<bool> {
        let Some(viewer) = state.viewers.get(&self.credentials) else { return Ok(false) };
        if state.is_in_doubt(viewer) {
            return Ok(false);
        }
        let audience = match &viewer.resolution {
            Resolution::Unresolved => return Ok(false),
            Resolution::Refused(error) => return Err(again(error)),
            Resolution::Caller { audience, .. } => audience.clone(),
        };
        if self.audience.as_ref() != Some(&audience) {
            for watched in self.queries.values_mut() {
                if let Some(subscription) = watched.subscription.take() {
                    self.tenant.unwatch(hub, state, subscription, self.number);
                }
            }
            self.audience = Some(audience);
        }
        Ok(true)
    }

    /// Finds the subscriptions of queries that have none yet.
    fn attach(&mut self, hub: &Arc<Hub>, state: &mut State, goal: &mut Option<u64>) {
        let Some(audience) = &self.audience else { return };
        for watched in self.queries.values_mut().filter(|watched| watched.subscription.is_none()) {
            let found = hub.operations.catalog().find(&watched.request.operation);
            let is_personal =
                found.is_ok_and(|found| found.description.personal && found.description.kind == Kind::Query);
            let audience = if is_personal { &self.credentials } else { audience };
            let view = (self.number, &self.notify);
            watched.subscription = Some(self.tenant.watch(hub, state, &mut watched.request, audience, view));
            *goal = Some(state.refresh.requested());
        }
    }

    /// Whether there is something that was not shown, and can be.
    fn is_behind(&self) -> bool {
        if !self.refused.is_empty() || self.check_expiry().is_err() {
            return true;
        }
        let state = self.tenant.lock();
        let is_other = state.viewers.get(&self.credentials).is_none_or(|viewer| match &viewer.resolution {
            Resolution::Unresolved => false,
            Resolution::Refused(_) => true,
            Resolution::Caller { audience, .. } => self.audience.as_ref().is_some_and(|known| known != audience),
        });
        if is_other {
            return true;
        }
        let mut has_news = false;
        for watched in self.queries.values() {
            let Some(id) = watched.subscription else { continue };
            if state.refresh.freshness(Reader::Subscription(id)) == Some(Freshness::Stale) {
                // It is woken again when this one has run.
                return false;
            }
            let shown = state.subscriptions.get(&id).and_then(|subscription| subscription.shown.as_ref());
            has_news |= shown.is_some_and(|shown| watched.shown.as_ref().is_none_or(|last| !Arc::ptr_eq(last, shown)));
        }
        has_news
    }

    fn check_expiry(&self) -> Result<()> {
        let now = self.live.hub.operations.world().now();
        match self.who.identity.expires_at() {
            Some(end) if end <= now => {
                Err(Error::new(Code::Unauthenticated, "token_expired", "the token has expired: sign in again"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn join(&mut self) {
        let hub = &self.live.hub;
        hub.expiries.add(self.who.identity.expires_at(), self.number, Due::View(self.notify.clone()));
        self.tenant.join(hub, &mut self.credentials, &mut self.who, (self.number, &self.notify));
    }

    /// Everything is run anew; what was shown is remembered.
    fn unwatch_all(&mut self) {
        let mut state = self.tenant.lock();
        for watched in self.queries.values_mut() {
            if let Some(subscription) = watched.subscription.take() {
                self.tenant.unwatch(&self.live.hub, &mut state, subscription, self.number);
            }
        }
    }

    fn check_room(&self, request: &Request) -> Result<()> {
        let most = self.live.hub.options.queries;
        if self.queries.len() >= most {
            let message = format!("a connection watches at most {most} queries: end some, or open another connection");
            return Err(Error::new(Code::LimitReached, "too_many_queries", message));
        }
        let limit = self.limit();
        if self.requested_bytes.saturating_add(request.bytes() + OVERHEAD) > limit {
            return Err(too_many_bytes(limit, self.is_signed_in()));
        }
        Ok(())
    }

    fn refuse(&mut self, id: u32, error: Error) {
        self.refused.push(Update { id, shown: Arc::new(Shown::error(error, None)) });
    }

    /// Bytes that its arguments and answers may take.
    fn limit(&self) -> usize {
        let options = &self.live.hub.options;
        if self.is_signed_in() { options.bytes } else { options.anonymous_bytes }
    }

    fn is_signed_in(&self) -> bool {
        self.who.identity != Identity::Anonymous
    }
}

impl Watched {
    /// Notes what is shown now. Whether it differs from what was shown before.
    fn show(&mut self, now: &Arc<Shown>) -> bool {
        let is_other = self.shown.as_ref().is_none_or(|shown| !Arc::ptr_eq(shown, now) && !shown.is_same(now));
        self.request.journal.clone_from(&now.journal);
        self.shown = Some(now.clone());
        is_other
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.unwatch_all();
        let hub = &self.live.hub;
        hub.expiries.remove(self.who.identity.expires_at(), self.number);
        self.tenant.part(hub, &self.credentials, self.number);
        hub.leave(&self.tenant);
    }
}

fn too_many_bytes(limit: usize, is_signed_in: bool) -> Error {
    let cure =
        if is_signed_in { "end some, or ask for less, in pages for example" } else { "sign in first, or ask for less" };
    let message =
        format!("the arguments and answers of this connection's queries take more than {limit} bytes: {cure}");
    Error::new(Code::LimitReached, "queries_too_large", message)
}

/// The moment to show; none yet.
fn next_of(position: Position) -> Result<Option<u64>> {
    match position {
        Position::At(moment) => Ok(Some(moment)),
        Position::Wait => Ok(None),
        Position::Failed(error) => Err(again(&error)),
    }
}

/// The same error for one more.
fn again(error: &Error) -> Error {
    Error::new(error.code, error.tag, error.message.clone())
}
