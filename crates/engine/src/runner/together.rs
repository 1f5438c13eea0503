//! Running many events of one organization in one transaction.
//!
//! A transaction for each event costs more than most handlers do: its begin, its route, its end, its commit. So events
//! that one claim took and that have the same keys share them, as long as all goes well. When anything does not, the
//! transaction is undone and each event runs by itself, so that one which fails, hangs or waits is alone with that.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::Result;

use super::{
    Node,
    events::{count, state_after},
    start::{Work, laned},
};
use crate::{
    EventCtx,
    event::Event,
    queue::{Seq, State, claim_lost, sql},
    route,
};

/// Events of one group, unless a lane alone has more.
const MOST: usize = 32;
/// A transaction takes no further event after this time, so that those of others do not wait for it.
const BUDGET: Duration = Duration::from_millis(20);
/// What one event may take here. One that takes longer is undone with the others and runs by itself.
const LIMIT: Duration = Duration::from_secs(1);

/// Events that may share a transaction: of one tenant, with one handler and the same keys. At least two.
pub(super) struct Group {
    /// In the order of their numbers, which is that of each lane.
    works: Vec<Work>,
}

/// Parts lanes into groups and those that run by themselves.
pub(super) fn grouped(lanes: Vec<Vec<Work>>) -> (Vec<Group>, Vec<Vec<Work>>) {
    let (mut alone, mut alike) = (Vec::new(), HashMap::<_, Vec<Vec<Work>>>::new());
    for lane in lanes {
        match common_keys(&lane) {
            Some(keys) => alike.entry(keys).or_default().push(lane),
            None => alone.push(lane),
        }
    }
    let mut groups = Vec::new();
    for mut lanes in alike.into_values() {
        // Those that wait for the longest time are together, and first.
        lanes.sort_unstable_by_key(|lane| lane.first().map(|work| work.entry.seq));
        let mut works = Vec::new();
        for lane in lanes {
            // A lane is in one group, in which its events keep their order.
            works.extend(lane);
            if works.len() >= MOST {
                groups.push(std::mem::take(&mut works));
            }
        }
        groups.push(works);
    }
    let (groups, single): (Vec<_>, Vec<_>) = groups.into_iter().partition(|works| works.len() > 1);
    alone.extend(single.into_iter().filter(|works| !works.is_empty()));
    (groups.into_iter().map(Group::of).collect(), alone)
}

/// What all events of a lane have in common with those that they may share a transaction with.
fn common_keys(lane: &[Work]) -> Option<(String, String, Vec<String>)> {
    let mut all = lane.iter().map(|work| {
        let (event, keys) = work.event.as_ref().filter(|(_, keys)| !keys.is_empty())?;
        Some((&work.entry.tenant, &event.provider, keys))
    });
    let first = all.next()??;
    let (tenant, provider, keys) = all.all(|other| other == Some(first)).then_some(first)?;
    Some((tenant.clone(), provider.clone(), keys.clone()))
}

impl Group {
    fn of(mut works: Vec<Work>) -> Self {
        works.sort_unstable_by_key(|work| work.entry.seq);
        Self { works }
    }

    fn seqs(&self) -> Vec<Seq> {
        self.works.iter().map(|work| work.entry.seq).collect()
    }
}

impl Node {
    /// Runs a group, a part of it in each transaction.
    pub(super) async fn run_group(self: Arc<Self>, claim: i64, mut group: Group) {
        while let Some(first) = group.works.first() {
            let Some(permit) = self.permit(&first.entry.tenant).await else {
                // The process stops, or another node begins them sooner.
                return self.release(claim, group.seqs()).await;
            };
            // After a pause of this process, or of the database, the lease has to be renewed first.
            self.lease.held().await;
            let began = Instant::now();
            let ended = self.apply_together(claim, &group.works).await.unwrap_or_else(|error| {
                tracing::debug!(?error, events = group.works.len(), "events are run one by one");
                0
            });
            drop(permit);
            if ended == 0 {
                for lane in laned(group.works) {
                    self.spawn(self.clone().run_lane(claim, lane));
                }
                return;
            }
            let ended: Vec<_> = group.works.drain(..ended).collect();
            note_times(&ended, began.elapsed());
            self.let_go(claim, &ended.iter().map(|work| work.entry.seq).collect::<Vec<_>>());
        }
    }

    /// Applies the first of these, and writes their ends. Returns how many: none where each has to be looked at by itself.
    async fn apply_together(&self, claim: i64, works: &[Work]) -> Result<usize> {
        let events: Vec<_> = works.iter().filter_map(|work| Some(work.event.as_ref()?.0.clone())).collect();
        let Some((first, keys)) = works.first().and_then(|work| work.event.clone()) else { return Ok(0) };
        let Some(handler) = self.handlers.event(&first.provider).cloned() else { return Ok(0) };
        let Some(route) = self.find_route(&keys, first.seq).await? else { return Ok(0) };
        let (world, publisher, scope) = (self.world.clone(), self.publisher.clone(), route.organization.clone().into());
        let shared = Arc::new((events, keys, route));
        let write = store::work(move |tx| {
            let (world, publisher, handler, shared) =
                (world.clone(), publisher.clone(), handler.clone(), shared.clone());
            Box::pin(async move {
                let (events, keys, route) = &*shared;
                let mut ended = Ended::default();
                if route::find_free(tx, keys).await?.as_ref() != Some(route) {
                    return Ok(ended);
                }
                let began = Instant::now();
                for event in events {
                    let mut ctx = EventCtx::new(tx, &world, &publisher, Some(route));
                    let state = state_after(handler.as_ref(), &mut ctx, event, handler.timeout().min(LIMIT)).await?;
                    ended.note(event, state);
                    if began.elapsed() >= BUDGET {
                        break;
                    }
                }
                for (state, seqs) in &ended.states {
                    if !sql::finish(tx, claim, seqs, *state, Some(&route.organization), world.now()).await? {
                        return Err(claim_lost());
                    }
                }
                Ok(ended)
            })
        });
        let ended = self.db.write(&scope, write).await?;
        for (state, seqs) in &ended.states {
            count(&first.provider, *state, seqs.len().try_into().unwrap_or(u64::MAX));
        }
        Ok(ended.count())
    }
}

/// How the events of a transaction ended.
#[derive(Default)]
struct Ended {
    states: HashMap<State, Vec<Seq>>,
}

impl Ended {
    fn note(&mut self, event: &Event, state: State) {
        self.states.entry(state).or_default().push(event.seq);
    }

    fn count(&self) -> usize {
        self.states.values().map(Vec::len).sum()
    }
}

/// Each took its part of the time.
fn note_times(works: &[Work], elapsed: Duration) {
    let share = elapsed.as_secs_f64() / (works.len().max(1) as f64);
    for (event, _) in works.iter().filter_map(|work| work.event.as_ref()) {
        metrics::histogram!("trunkline_job_seconds", "kind" => event.provider.clone()).record(share);
    }
}
