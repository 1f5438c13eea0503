//! Subscriptions that take longer than they may. They are left out of refreshes, their watchers are told, and from time to
//! time each is tried, beside everything else, until it is quick enough again.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use kernel::{Code, Error, Result, Scope};

use super::{
    Hub,
    refresh::limited,
    state::Reader,
    tenant::{State, Tenant},
};
use crate::operation::{Caller, QueryRequest};

/// How long after the first time something is tried again; each further time after twice as long.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);

/// What the watchers of a query that takes too long are told.
pub(super) fn too_slow(limit: Duration) -> Error {
    let message = format!(
        "this query took longer than {} ms and is not kept up to date: ask for less, in pages for example; it is tried again \
         from time to time",
        limit.as_millis()
    );
    Error::new(Code::Unavailable, "query_too_slow", message)
}

/// Leaves a subscription out until a trial was quick enough.
pub(super) fn suspend(hub: &Arc<Hub>, tenant: &Arc<Tenant>, state: &mut State, id: u64) {
    let Some(subscription) = state.subscriptions.get_mut(&id) else { return };
    subscription.strikes = subscription.strikes.saturating_add(1);
    let wait = backoff(subscription.strikes);
    state.refresh.suspend(Reader::Subscription(id));
    metrics::counter!("trunkline_live_suspensions_total").increment(1);
    // The task keeps neither the node nor the organization.
    hub.runtime.spawn(resume(Arc::downgrade(hub), Arc::downgrade(tenant), id, wait));
}

fn backoff(strikes: u32) -> Duration {
    FIRST.saturating_mul(1 << strikes.saturating_sub(1).min(16)).min(LONGEST)
}

/// Tries it until it is quick enough, or nobody watches it.
async fn resume(hub: Weak<Hub>, tenant: Weak<Tenant>, id: u64, mut wait: Duration) {
    loop {
        tokio::time::sleep(wait).await;
        let (Some(hub), Some(tenant)) = (hub.upgrade(), tenant.upgrade()) else { return };
        let is_quick = attempt(&hub, &tenant, id).await;
        let mut guard = tenant.lock();
        let state = &mut *guard;
        let Some(subscription) = state.subscriptions.get_mut(&id) else { return };
        if is_quick {
            state.refresh.resume(Reader::Subscription(id));
            tenant.schedule(&hub, state);
            return;
        }
        subscription.strikes = subscription.strikes.saturating_add(1);
        wait = backoff(subscription.strikes);
    }
}

/// Whether it takes no longer than half of what it may: what only just fits would soon be left out again.
async fn attempt(hub: &Arc<Hub>, tenant: &Arc<Tenant>, id: u64) -> bool {
    let Some(_turn) = hub.turns.trial().await else { return false };
    let limit = hub.options.query_limit / 2;
    let Some((caller, query)) = prepare(hub, tenant, id) else { return false };
    let scope = tenant.organization.clone().map_or(Scope::System, Scope::Organization);
    let within = hub.clone();
    let read = hub.operations.db().read(&scope, |tx| {
        Box::pin(async move {
            if let Some(feed) = &within.feed {
                feed.limit(tx, limit).await?;
            }
            limited(tx, &within, &caller, query, limit).await.map(drop)
        })
    });
    let tried: Result<()> = read.await;
    tried.is_ok()
}

/// The query, and somebody on whose behalf it can be run.
fn prepare(hub: &Hub, tenant: &Tenant, id: u64) -> Option<(Arc<Caller>, QueryRequest)> {
    let state = tenant.lock();
    let subscription = state.subscriptions.get(&id)?;
    let audience = subscription.audience.clone();
    let mut callers = state.callers([audience.clone()].into(), hub.operations.world().now());
    Some((callers.remove(&audience)?, subscription.request.to_query()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_limit() {
        let seconds: Vec<_> = [1, 2, 3, 8, 9, 1000].map(|strikes| backoff(strikes).as_secs()).into();
        assert_eq!(seconds, [2, 4, 8, 256, 300, 300]);
    }
}
