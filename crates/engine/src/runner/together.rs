//! Running many events of one organization in one transaction.
//!
//! A transaction for each event costs more than most handlers do: its begin, its route, its end, its commit. So events
//! that one claim took and that have the same keys share them, as long as all goes well. When anything does not, the
//! transaction is undone and each event runs by itself, so that one which fails, hangs or waits is alone with that.
//!
//! The groups of one organization run one after the other: beside one another, they would be in each other's way in the
//! same places of the same tables.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::{Error, Result};
use tokio::time::timeout;

use super::{
    Node,
    events::{count, ended_as},
    run::timed_out,
    start::{Work, laned},
};
use crate::{
    EventCtx,
    queue::{Seq, State, claim_lost, sql},
    route,
};

/// Events of the first transaction of a group, and of each at most. The next takes half as many after one that was slow,
/// and twice as many after one that was not.
const FIRST: usize = 32;
const MOST: usize = 128;
/// A transaction that takes longer was slow: those of others wait for it.
const SLOW: Duration = Duration::from_millis(20);
/// What a transaction may take here. One that takes longer is undone, and its events run by themselves.
const LIMIT: Duration = Duration::from_secs(1);

/// What events have in common that may share a transaction.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Common {
    tenant: String,
    provider: String,
    keys: Vec<String>,
}

/// Events that may share a transaction: at least two.
pub(super) struct Group {
    common: Common,
    /// In the order of their numbers, which is that of each lane.
    works: Vec<Work>,
}

/// Parts lanes into groups and those that run by themselves.
pub(super) fn grouped(lanes: Vec<Vec<Work>>) -> (Vec<Group>, Vec<Vec<Work>>) {
    let (mut alone, mut alike) = (Vec::new(), HashMap::<_, Vec<Vec<Work>>>::new());
    for lane in lanes {
        match common(&lane) {
            Some(common) => alike.entry(common).or_default().push(lane),
            None => alone.push(lane),
        }
    }
    let mut groups = Vec::new();
    for (common, lanes) in alike {
        let mut works: Vec<_> = lanes.into_iter().flatten().collect();
        if works.len() == 1 {
            alone.push(works);
            continue;
        }
        works.sort_unstable_by_key(|work| work.entry.seq);
        groups.push(Group { common, works });
    }
    (groups, alone)
}

/// What all events of a lane have in common.
fn common(lane: &[Work]) -> Option<Common> {
    let mut all = lane.iter().map(|work| {
        let (event, keys) = work.event.as_ref().filter(|(_, keys)| !keys.is_empty())?;
        Some((&work.entry.tenant, &event.provider, keys))
    });
    let first = all.next()??;
    let (tenant, provider, keys) = all.all(|other| other == Some(first)).then_some(first)?;
    Some(Common { tenant: tenant.clone(), provider: provider.clone(), keys: keys.clone() })
}

impl Node {
    /// Runs a group, a part of it in each transaction.
    pub(super) async fn run_group(self: Arc<Self>, claim: i64, mut group: Group) {
        let turn = self.turns.take(&group.common.keys).await;
        let mut size = FIRST;
        while !group.works.is_empty() {
            let Some(permit) = self.permit(&group.common.tenant).await else {
                // The process stops, or another node begins them sooner.
                return self.release(claim, group.works.iter().map(|work| work.entry.seq).collect()).await;
            };
            // After a pause of this process, or of the database, the lease has to be renewed first.
            self.lease.held().await;
            let next = &group.works[..size.min(group.works.len())];
            let began = Instant::now();
            let applied = self.apply_together(claim, &group.common, next).await;
            drop(permit);
            match applied {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::debug!(?error, events = next.len(), "events are run one by one");
                    break;
                }
            }
            let took = began.elapsed();
            let ended: Vec<_> = next.iter().map(|work| work.entry.seq).collect();
            note_times(&group.common.provider, ended.len(), took);
            group.works.drain(..ended.len());
            self.let_go(claim, &ended);
            size = if took > SLOW { (size / 2).max(1) } else { (size * 2).min(MOST) };
        }
        drop(turn);
        for lane in laned(group.works) {
            self.spawn(self.clone().run_lane(claim, lane));
        }
    }

    /// Applies these and writes their ends. False where each has to be looked at by itself.
    async fn apply_together(&self, claim: i64, common: &Common, works: &[Work]) -> Result<bool> {
        let events: Vec<_> = works.iter().filter_map(|work| Some(work.event.as_ref()?.0.clone())).collect();
        let Some(handler) = self.handlers.event(&common.provider).cloned() else { return Ok(false) };
        let Some(first) = events.first() else { return Ok(false) };
        let Some(route) = self.find_route(&common.keys, first.seq).await? else { return Ok(false) };
        let (world, publisher, scope) = (self.world.clone(), self.publisher.clone(), route.organization.clone().into());
        let limit = handler.timeout().min(LIMIT);
        let shared = Arc::new((events, common.clone(), route));
        let write = store::work(move |tx| {
            let (world, publisher, handler, shared) =
                (world.clone(), publisher.clone(), handler.clone(), shared.clone());
            Box::pin(async move {
                let (events, common, route) = &*shared;
                if route::find_free(tx, &common.keys).await?.as_ref() != Some(route) {
                    return Ok(None);
                }
                let mut ctx = EventCtx::new(tx, &world, &publisher, Some(route));
                let applied = timeout(limit, handler.apply_all(&mut ctx, events)).await;
                let applied = applied.unwrap_or_else(|_| Err(timed_out(&common.provider, limit)))?;
                if applied.len() != events.len() {
                    return Err(Error::internal("applied_unlike", "a handler did not answer for each of its events"));
                }
                let mut ends = HashMap::<State, Vec<Seq>>::new();
                for (event, applied) in events.iter().zip(applied) {
                    ends.entry(ended_as(applied)).or_default().push(event.seq);
                }
                for (state, seqs) in &ends {
                    if !sql::finish(tx, claim, seqs, *state, Some(&route.organization), world.now()).await? {
                        return Err(claim_lost());
                    }
                }
                Ok(Some(ends))
            })
        });
        let Some(ends) = self.db.write(&scope, write).await? else { return Ok(false) };
        for (state, seqs) in &ends {
            count(&common.provider, *state, seqs.len().try_into().unwrap_or(u64::MAX));
        }
        Ok(true)
    }
}

/// Each event took its part of the time.
fn note_times(provider: &str, events: usize, took: Duration) {
    let times = metrics::histogram!("trunkline_job_seconds", "kind" => provider.to_owned());
    let part = took.as_secs_f64() / (events.max(1) as f64);
    times.record_many(part, events);
}
