//! Running one entry.

use std::{panic::AssertUnwindSafe, sync::Arc, sync::PoisonError, time::Duration};

use futures_util::FutureExt;
use kernel::{Error, OrgId, Result, Scope};
use store::Tx;
use tokio::time::timeout;

use super::{Node, permits::Permit, start::Work};
use crate::{
    Applied, EventCtx, EventHandler, JobCtx,
    event::Event,
    queue::{Claimed, Seq, State, claim_lost, sql},
    route::{self, Route},
};

/// What has not begun after this time is given back, where a node holds too much.
const LONG_WAIT: Duration = Duration::from_secs(2);
/// Routes that are remembered. They are checked again in every transaction that uses them.
const ROUTES: usize = 10_000;
/// The organization behind a key changed while its event was on the way.
const ROUTE_MOVED: &str = "route_moved";

impl Node {
    /// Runs the entries of a lane one after the other. One that fails holds back those behind it.
    pub(super) async fn run_lane(self: Arc<Self>, claim: i64, works: Vec<Work>) {
        let mut works = works.into_iter();
        while let Some(work) = works.next() {
            let seq = work.entry.seq;
            let goes_on = match self.permit(&work.entry.tenant).await {
                Some(_permit) => {
                    // After a pause of this process, or of the database, the lease has to be renewed first.
                    self.lease.held().await;
                    self.run_one(claim, work).await
                }
                None => {
                    // The process stops, or another node begins it sooner.
                    self.release(claim, vec![seq]).await;
                    false
                }
            };
            if !goes_on {
                let rest: Vec<_> = works.map(|work| work.entry.seq).collect();
                if !rest.is_empty() {
                    self.release(claim, rest).await;
                }
                return;
            }
        }
    }

    /// Waits for a permit to run. None when the process stops, or when it takes long and this node holds more than it
    /// should: entries ended fast when these were claimed, and do so no longer.
    async fn permit(&self, tenant: &str) -> Option<Permit> {
        loop {
            match timeout(LONG_WAIT, self.permits.acquire(tenant)).await {
                Ok(permit) => return permit,
                Err(_) if self.holds_too_much() => return None,
                Err(_) => {}
            }
        }
    }

    /// Runs one entry and writes its end. False when those behind it in its lane may not run now.
    async fn run_one(self: &Arc<Self>, claim: i64, work: Work) -> bool {
        let Work { entry, event } = work;
        let began = tokio::time::Instant::now();
        let label = event.as_ref().map_or_else(|| entry.kind.clone(), |(event, _)| event.provider.clone());
        let result = match event {
            Some((event, keys)) => {
                let run = AssertUnwindSafe(self.run_event(claim, event, keys)).catch_unwind().await;
                run.unwrap_or_else(|_| Err(panicked())).map(|()| None)
            }
            None => self.run_job(claim, &entry).await.map(|has_ended| (!has_ended).then_some(entry.seq)),
        };
        metrics::histogram!("trunkline_job_seconds", "kind" => label).record(began.elapsed().as_secs_f64());
        match result {
            Ok(None) => {
                // Its end was written with its effects.
                self.let_go(claim, &[entry.seq]);
                true
            }
            Ok(Some(seq)) => self.finish_many(claim, vec![seq], State::Processed).await,
            Err(error) => self.failed(claim, &entry, error).await,
        }
    }

    /// Runs a job. True when it wrote its end with its effects.
    async fn run_job(&self, claim: i64, entry: &Claimed) -> Result<bool> {
        let Some(job) = self.handlers.named(&entry.kind) else {
            // A claim takes only what this node knows.
            return Err(Error::internal("handler_gone", format!("the handler of the job {} is gone", entry.kind)));
        };
        let ctx = JobCtx::new(&self.db, &self.world, &self.handlers, claim, entry);
        let payload = entry.payload.clone().unwrap_or_default();
        let work = (job.run)(entry.version, payload, ctx.clone());
        let work = AssertUnwindSafe(work).catch_unwind();
        match timeout(job.timeout, work).await {
            Ok(run) => run.unwrap_or_else(|_| Err(panicked()))?,
            Err(_) => return Err(timed_out(&entry.kind, job.timeout)),
        }
        Ok(ctx.has_ended())
    }

    async fn run_event(&self, claim: i64, event: Event, keys: Vec<String>) -> Result<()> {
        let handler = self.handlers.event(&event.provider).cloned();
        let handler = handler.ok_or_else(|| Error::internal("handler_gone", "the event's handler is gone"))?;
        let event = Arc::new(event);
        if keys.is_empty() {
            return self.apply(claim, handler, event, None, Vec::new()).await;
        }
        loop {
            let Some(route) = self.find_route(&keys, event.seq).await? else {
                if self.wait(claim, &event, keys.clone()).await? {
                    return Ok(());
                }
                continue;
            };
            match self.apply(claim, handler.clone(), event.clone(), Some(route), keys.clone()).await {
                Err(error) if error.tag == ROUTE_MOVED => self.forget_routes(&keys),
                end => return end,
            }
        }
    }

    /// The handler's writes and the end of the event, in one transaction.
    async fn apply(
        &self,
        claim: i64,
        handler: Arc<dyn EventHandler>,
        event: Arc<Event>,
        route: Option<Route>,
        keys: Vec<String>,
    ) -> Result<()> {
        let scope = route.as_ref().map_or(Scope::System, |route| route.organization.clone().into());
        let (world, route, keys) = (self.world.clone(), Arc::new(route), Arc::new(keys));
        let publisher = self.publisher.clone();
        let write = store::work(move |tx| {
            let (world, handler, event) = (world.clone(), handler.clone(), event.clone());
            let publisher = publisher.clone();
            let (route, keys) = (route.clone(), keys.clone());
            Box::pin(async move {
                let found = route::find(tx, &keys, event.seq).await?;
                if found.as_ref().map(|found| &found.route) != route.as_ref().as_ref() {
                    return Err(Error::conflict(ROUTE_MOVED, "the organization of an event changed"));
                }
                if let Some(found) = found.as_ref().filter(|found| found.is_behind) {
                    route::wait_behind(tx, &world, event.seq, &found.route.key).await?;
                    return end(tx, claim, &event, State::Unresolved, world.now()).await;
                }
                let mut ctx = EventCtx::new(tx, &world, &publisher, route.as_ref().as_ref());
                // Inside of the transaction, which a run that hangs would hold open.
                let limit = handler.timeout();
                let applied = timeout(limit, handler.apply(&mut ctx, &event)).await;
                let state = match applied.unwrap_or_else(|_| Err(timed_out(&event.provider, limit)))? {
                    Applied::Done => State::Processed,
                    Applied::Ignored => State::Ignored,
                };
                if found.is_some_and(|found| found.has_waited) {
                    route::wait_no_more(tx, &[event.seq]).await?;
                }
                end(tx, claim, &event, state, world.now()).await
            })
        });
        self.db.write(&scope, write).await
    }

    /// Parks an event until one of its keys leads somewhere. False when one does by now.
    async fn wait(&self, claim: i64, event: &Arc<Event>, keys: Vec<String>) -> Result<bool> {
        let (event, world, keys) = (event.clone(), self.world.clone(), Arc::new(keys));
        let write = store::work(move |tx| {
            let (event, world, keys) = (event.clone(), world.clone(), keys.clone());
            Box::pin(async move {
                if route::find(tx, &keys, event.seq).await?.is_some() {
                    return Ok(false);
                }
                route::wait_for(tx, event.seq, &keys).await?;
                end(tx, claim, &event, State::Unresolved, world.now()).await?;
                Ok(true)
            })
        });
        self.db.write(&Scope::System, write).await
    }

    async fn find_route(&self, keys: &[String], seq: Seq) -> Result<Option<Route>> {
        {
            let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(route) = keys.first().and_then(|key| routes.get(key)) {
                return Ok(Some(route.clone()));
            }
        }
        let found = {
            let keys = keys.to_vec();
            self.db.read(&Scope::System, |tx| Box::pin(async move { route::find(tx, &keys, seq).await })).await?
        };
        let found = found.map(|found| found.route);
        if let Some(route) = &found {
            let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
            if routes.len() >= ROUTES {
                routes.clear();
            }
            routes.insert(route.key.clone(), route.clone());
        }
        Ok(found)
    }

    /// Forgets the routes of an organization.
    pub(super) fn forget_routes_of(&self, organization: &OrgId) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|_, route| route.organization != *organization);
    }

    fn forget_routes(&self, keys: &[String]) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            routes.remove(key);
        }
    }
}

/// The end of an event, or an error that undoes the transaction because the claim was lost.
async fn end(tx: &mut Tx, claim: i64, event: &Event, state: State, now: kernel::Time) -> Result<()> {
    let organization = tx.scope().organization().cloned();
    if sql::finish(tx, claim, event.seq, state, organization.as_ref(), now).await? {
        metrics::counter!("trunkline_events_total", "provider" => event.provider.clone(), "status" => state.status())
            .increment(1);
        return Ok(());
    }
    Err(claim_lost())
}

fn timed_out(what: &str, limit: Duration) -> Error {
    Error::unavailable("timed_out", format!("{what} did not end within its time limit of {limit:?}"))
}

pub(super) fn panicked() -> Error {
    Error::internal("panicked", "the handler panicked: this is a defect in it").never_retry()
}
