//! Running one event: its handler's writes and its end, in one transaction.

use std::{sync::Arc, time::Duration};

use kernel::{Error, Result, Scope};
use store::Tx;
use tokio::time::timeout;

use super::{Node, run::timed_out};
use crate::{
    Applied, EventCtx, EventHandler, World,
    event::Event,
    queue::{Seq, State, claim_lost, sql},
    route::{self, Route},
};

/// The organization behind a key changed while its event was on the way.
const ROUTE_MOVED: &str = "route_moved";

impl Node {
    pub(super) async fn run_event(&self, claim: i64, event: Event, keys: Vec<String>) -> Result<()> {
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
        let (world, publisher) = (self.world.clone(), self.publisher.clone());
        let (provider, route, keys) = (event.provider.clone(), Arc::new(route), Arc::new(keys));
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
                    return end(tx, claim, event.seq, State::Unresolved, &world).await;
                }
                let mut ctx = EventCtx::new(tx, &world, &publisher, route.as_ref().as_ref());
                let state = state_after(handler.as_ref(), &mut ctx, &event, handler.timeout()).await?;
                if found.is_some_and(|found| found.has_waited) {
                    route::wait_no_more(tx, &[event.seq]).await?;
                }
                end(tx, claim, event.seq, state, &world).await
            })
        });
        let state = self.db.write(&scope, write).await?;
        count(&provider, state, 1);
        Ok(())
    }

    /// Parks an event until one of its keys leads somewhere. False when one does by now.
    async fn wait(&self, claim: i64, event: &Event, keys: Vec<String>) -> Result<bool> {
        let (seq, world, keys) = (event.seq, self.world.clone(), Arc::new(keys));
        let write = store::work(move |tx| {
            let (world, keys) = (world.clone(), keys.clone());
            Box::pin(async move {
                if route::find(tx, &keys, seq).await?.is_some() {
                    return Ok(false);
                }
                route::wait_for(tx, seq, &keys).await?;
                end(tx, claim, seq, State::Unresolved, &world).await.map(|_| true)
            })
        });
        let waits = self.db.write(&Scope::System, write).await?;
        if waits {
            count(&event.provider, State::Unresolved, 1);
        }
        Ok(waits)
    }
}

/// Applies an event, and returns the state that it ends in. The limit is inside of the transaction, which a run that hangs
/// would hold open.
async fn state_after(
    handler: &dyn EventHandler,
    ctx: &mut EventCtx<'_>,
    event: &Event,
    limit: Duration,
) -> Result<State> {
    let applied = timeout(limit, handler.apply(ctx, event)).await;
    applied.unwrap_or_else(|_| Err(timed_out(&event.provider, limit))).map(ended_as)
}

/// The state in which an event ends that was applied.
pub(super) fn ended_as(applied: Applied) -> State {
    match applied {
        Applied::Done => State::Processed,
        Applied::Ignored => State::Ignored,
    }
}

/// The end of an event, or an error that undoes the transaction because the claim was lost.
async fn end(tx: &mut Tx, claim: i64, seq: Seq, state: State, world: &World) -> Result<State> {
    let organization = tx.scope().organization().cloned();
    let has_ended = sql::finish(tx, claim, &[seq], state, organization.as_ref(), world.now()).await?;
    if has_ended { Ok(state) } else { Err(claim_lost()) }
}

/// Counts events that have ended, after the commit.
pub(super) fn count(provider: &str, state: State, events: u64) {
    metrics::counter!("trunkline_events_total", "provider" => provider.to_owned(), "status" => state.status())
        .increment(events);
}
