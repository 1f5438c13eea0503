//! Several handlers for the events of one provider.
//!
//! Where more than one of them wants an event, each gets it as a job of its own: one that fails is tried again alone and
//! undoes nothing of the others. Where only one wants it, the event is applied at once, as with a single handler.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Error, Result, Scope};
use serde::{Deserialize, Serialize};
use store::{Engine, Tx};

use crate::{
    Applied, Event, EventCtx, EventHandler, JobCtx, Routing,
    event::{self, dropped},
    queue::{Erased, NewJob, Seq, State, TIMEOUT, claim_lost, erased},
    route::{self, Route},
};

/// The handlers of one provider, as one handler.
pub(crate) struct FanOut(Vec<Arc<dyn EventHandler>>);

/// The job by which one of several handlers gets an event.
#[derive(Serialize, Deserialize)]
struct HandleEvent {
    event: Seq,
}

/// The kind of the jobs by which `handler` gets the events of `provider`.
pub(crate) fn kind(provider: &str, handler: &dyn EventHandler) -> String {
    format!("{provider}>{}", handler.name())
}

/// All handlers of one provider as one.
pub(crate) fn together(handlers: &[Arc<dyn EventHandler>]) -> Arc<dyn EventHandler> {
    match handlers {
        [only] => only.clone(),
        several => Arc::new(FanOut(several.to_vec())),
    }
}

impl FanOut {
    /// Those that want the event. One that cannot read it wants it too: its own job ends with the error.
    fn interested<'f>(&'f self, event: &Event) -> Vec<(&'f Arc<dyn EventHandler>, Result<Routing>)> {
        let all = self.0.iter().map(|handler| (handler, handler.routing(event)));
        all.filter(|(_, routing)| !matches!(routing, Ok(Routing::Ignore))).collect()
    }
}

#[async_trait]
impl EventHandler for FanOut {
    fn name(&self) -> &'static str {
        "several"
    }

    fn timeout(&self) -> Duration {
        self.0.iter().map(|handler| handler.timeout()).max().unwrap_or(TIMEOUT)
    }

    /// A release with more handlers is newer than one with fewer.
    fn version(&self) -> i64 {
        self.0.iter().map(|handler| handler.version()).sum()
    }

    fn routing(&self, event: &Event) -> Result<Routing> {
        let mut interested = self.interested(event);
        match interested.len() {
            0 => Ok(Routing::Ignore),
            1 => interested.remove(0).1,
            // Each finds out in its own job whose it is.
            _ => Ok(Routing::System),
        }
    }

    async fn apply(&self, ctx: &mut EventCtx<'_>, event: &Event) -> Result<Applied> {
        let interested = self.interested(event);
        if let [(only, _)] = interested.as_slice() {
            return only.apply(ctx, event).await;
        }
        let (tenant, lane) = place_of(ctx.tx, event.seq).await?;
        for (handler, _) in interested {
            let kind = kind(&event.provider, &**handler);
            let payload = serde_json::json!(HandleEvent { event: event.seq }).to_string();
            let mut job = NewJob::of_kind(kind.clone(), 1, payload).on_share_of(tenant.clone());
            if let Some(lane) = &lane {
                job = job.lane(format!("{kind}:{lane}"));
            }
            ctx.enqueue(job).await?;
        }
        Ok(Applied::Done)
    }
}

/// Whose share an event takes, and its lane. On PostgreSQL without a predicate lock on its neighbours: see `sql::finish`.
async fn place_of(tx: &mut Tx, seq: Seq) -> Result<(String, Option<String>)> {
    let sql = match tx.engine() {
        Engine::Sqlite => "select tenant, lane from jobs where seq = $1",
        Engine::Postgres => {
            "insert into jobs (seq, kind, state, max_attempts, created_ms) values ($1, '', '', 0, 0)
             on conflict (seq) do update set claim = jobs.claim returning tenant, lane"
        }
    };
    let row = tx.system(sql).bind(seq).row().await?.ok_or_else(claim_lost)?;
    Ok((row.text("tenant")?, row.opt_text("lane")?))
}

/// What runs the jobs of one of several handlers.
pub(crate) fn handler_job(provider: &'static str, handler: Arc<dyn EventHandler>) -> Erased {
    erased(1, handler.timeout(), move |_version, payload, ctx| {
        let handler = handler.clone();
        Box::pin(async move {
            let HandleEvent { event } = serde_json::from_str(&payload)
                .map_err(|error| Error::bad_request("job_payload", format!("the payload names no event: {error}")))?;
            let event = load(&ctx, provider, event).await?;
            handle(&ctx, &handler, Arc::new(event)).await
        })
    })
}

async fn load(ctx: &JobCtx, provider: &'static str, seq: Seq) -> Result<Event> {
    let handled = vec![provider.to_owned()];
    let mut loaded = ctx.read(|tx| Box::pin(async move { event::load(tx, &[seq], handled).await })).await?;
    loaded.remove(&seq).flatten().ok_or_else(dropped)
}

async fn handle(ctx: &JobCtx, handler: &Arc<dyn EventHandler>, event: Arc<Event>) -> Result<()> {
    let keys = match handler.routing(&event)? {
        Routing::Ignore => return Ok(()),
        Routing::System => Vec::new(),
        Routing::Keys(mut keys) => {
            keys.extend(event.connection_key());
            keys
        }
    };
    if keys.is_empty() {
        return apply(ctx, handler, &event, None, &keys).await;
    }
    let (wanted, seq) = (keys.clone(), ctx.caller.fence.seq);
    let found = ctx.read(|tx| Box::pin(async move { route::find(tx, &wanted, seq).await })).await?;
    match found {
        Some(found) => apply(ctx, handler, &event, Some(found.route), &keys).await,
        None => wait(ctx, keys).await,
    }
}

/// What the handler writes, and the end of its job, in one transaction.
async fn apply(
    ctx: &JobCtx,
    handler: &Arc<dyn EventHandler>,
    event: &Arc<Event>,
    route: Option<Route>,
    keys: &[String],
) -> Result<()> {
    let scope = route.as_ref().map_or(Scope::System, |route| route.organization.clone().into());
    let (handler, event, keys) = (handler.clone(), event.clone(), keys.to_vec());
    let (world, publisher, seq) = (ctx.world().clone(), ctx.publisher().clone(), ctx.caller.fence.seq);
    ctx.end_with(scope, move |tx| {
        let (handler, event, keys) = (handler.clone(), event.clone(), keys.clone());
        let (world, publisher, route) = (world.clone(), publisher.clone(), route.clone());
        Box::pin(async move {
            let found = route::find(tx, &keys, seq).await?;
            if found.as_ref().map(|found| &found.route) != route.as_ref() {
                return Err(Error::unavailable("route_moved", "the organization of an event changed"));
            }
            if let Some(found) = found.as_ref().filter(|found| found.is_behind) {
                route::wait_behind(tx, &world, seq, &found.route.key).await?;
                return Ok(State::Unresolved);
            }
            let mut ctx = EventCtx::new(tx, &world, &publisher, route.as_ref());
            Ok(match handler.apply(&mut ctx, &event).await? {
                Applied::Done => State::Processed,
                Applied::Ignored => State::Ignored,
            })
        })
    })
    .await
}

/// Parks the job until one of the keys leads somewhere.
async fn wait(ctx: &JobCtx, keys: Vec<String>) -> Result<()> {
    let seq = ctx.caller.fence.seq;
    ctx.end_with(Scope::System, move |tx| {
        let keys = keys.clone();
        Box::pin(async move {
            if route::find(tx, &keys, seq).await?.is_some() {
                return Err(Error::unavailable("route_appeared", "the event's route appeared in the same moment"));
            }
            route::wait_for(tx, seq, &keys).await?;
            Ok(State::Unresolved)
        })
    })
    .await
}
