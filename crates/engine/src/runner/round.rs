//! One claim, and who gets what of it.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError},
};

use kernel::{Error, Result, Scope};
use store::Isolation;
use tokio::time::Instant;

use super::{Inner, run::panicked};
use crate::{
    event::{self, Event, Loaded, Routing},
    queue::{
        Claimed, EVENT, Seq, State,
        sql::{self, Want},
    },
};

/// Entries that one claim takes at most.
const CLAIM: usize = 512;

/// An entry with what it takes to run it.
pub(super) struct Work {
    pub entry: Claimed,
    pub event: Option<(Event, Vec<String>)>,
}

/// What a round did.
pub(super) struct Round {
    pub claimed: usize,
    pub more: More,
}

/// Whether there is more to do, and when.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// More could be claimed now.
    AtOnce,
    /// Something waits until an entry of this node ends: for its lane, its tenant's share, or to be alone.
    WhenSettled,
    /// Nothing is known of.
    No,
}

/// How suspects get a node to themselves without holding up everything else for ever.
#[derive(Default)]
pub(super) struct Quiet {
    /// The suspect that runs alone, and since when.
    running: Option<(Seq, Instant)>,
    /// Since when nothing is claimed, so that what runs can end.
    waiting: Option<Instant>,
    /// The last one was a suspect: next is everybody else's turn.
    others_first: bool,
}

/// What to do if there is a suspect.
#[derive(Clone, Copy)]
enum Plan {
    Suspect,
    OthersThenSuspect,
    Others,
    Nothing,
}

/// What a claim took.
struct Taken {
    entries: Vec<Claimed>,
    events: Loaded,
    suspects: bool,
    suspect: bool,
    /// Whether something was left.
    left: bool,
}

impl Inner {
    /// Claims and starts what is ready.
    pub(super) async fn round(self: &Arc<Self>) -> Round {
        let free = self.options.held.saturating_sub(self.held()).min(CLAIM);
        if free < CLAIM.min(self.options.held) / 4 || self.keeps_quiet() {
            return Round { claimed: 0, more: More::WhenSettled };
        }
        let want = Want {
            limit: i64::try_from(free).unwrap_or(0),
            share: i64::try_from(self.share()).unwrap_or(1),
            claim: self.world.number(),
            lease_until: self.world.now() + self.options.lease,
            saturated: self.saturated(),
        };
        let claim = want.claim;
        let taken = match self.claim(want).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(?error, "nothing could be claimed");
                return Round { claimed: 0, more: More::No };
            }
        };
        self.remember(&taken);
        let claimed = taken.entries.len();
        let more = match (claimed == free, taken.left) {
            (true, _) => More::AtOnce,
            (false, true) => More::WhenSettled,
            (false, false) => More::No,
        };
        self.start(claim, taken.entries, taken.events).await;
        Round { claimed, more }
    }

    async fn claim(&self, want: Want) -> Result<Taken> {
        let (now, plan) = (self.world.now(), self.plan());
        let write = store::work(move |tx| {
            let want = want.clone();
            Box::pin(async move {
                sql::promote(tx, now).await?;
                let suspects = sql::has_suspects(tx).await?;
                let mut entries = match (suspects, plan) {
                    (false, _) | (true, Plan::Others | Plan::OthersThenSuspect) => sql::claim(tx, &want).await?,
                    (true, Plan::Suspect | Plan::Nothing) => Vec::new(),
                };
                let mut suspect = false;
                if suspects && entries.is_empty() && matches!(plan, Plan::Suspect | Plan::OthersThenSuspect) {
                    entries.extend(sql::claim_suspect(tx, want.claim, want.lease_until).await?);
                    suspect = !entries.is_empty();
                }
                let full = i64::try_from(entries.len()).unwrap_or(i64::MAX) == want.limit;
                let left = full || suspects || sql::has_ready(tx).await?;
                let seqs: Vec<_> = entries.iter().filter(|entry| entry.kind == EVENT).map(|entry| entry.seq).collect();
                let events = if seqs.is_empty() { HashMap::new() } else { event::load(tx, &seqs).await? };
                Ok(Taken { entries, events, suspects, suspect, left })
            })
        });
        self.db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
    }

    /// Whether anything could be claimed or promoted.
    pub(super) async fn has_work(&self) -> bool {
        let now = self.world.now();
        let work = self.db.read(&Scope::System, |tx| Box::pin(sql::has_work(tx, now))).await;
        work.unwrap_or(false)
    }

    /// Whether a suspect has this node to itself. After a while it has shown itself innocent, or is only long.
    fn keeps_quiet(&self) -> bool {
        let quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        quiet.running.is_some_and(|(seq, since)| since.elapsed() < self.options.lease && self.holds(seq))
    }

    /// A suspect runs with nothing beside it, so everything else has to end first: for a while nothing is claimed, then
    /// for a while others are, when what runs is long.
    fn plan(&self) -> Plan {
        let quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_idle() {
            return if quiet.others_first { Plan::OthersThenSuspect } else { Plan::Suspect };
        }
        match quiet.waiting {
            Some(since) if since.elapsed() >= self.options.lease => Plan::Others,
            Some(_) | None => Plan::Nothing,
        }
    }

    /// Keeps what the next round has to know of this one.
    fn remember(&self, taken: &Taken) {
        let front = taken.entries.iter().map(|entry| entry.rank).min();
        self.world.serve(if taken.left { front } else { None });
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        if !taken.suspects {
            *quiet = Quiet::default();
        } else if taken.suspect {
            let running = taken.entries.first().map(|entry| (entry.seq, Instant::now()));
            *quiet = Quiet { running, waiting: None, others_first: true };
        } else {
            quiet.others_first = false;
            let over = quiet.waiting.is_some_and(|since| since.elapsed() >= self.options.lease * 2);
            if over || quiet.waiting.is_none() {
                quiet.waiting = Some(Instant::now());
            }
        }
    }

    /// Ends at once what nobody handles; the rest goes to workers, lane by lane.
    async fn start(self: &Arc<Self>, claim: i64, entries: Vec<Claimed>, mut events: Loaded) {
        let mut ignored = Vec::new();
        let mut lanes: HashMap<String, Vec<Work>> = HashMap::new();
        for entry in entries {
            self.hold(entry.seq, claim, &entry.tenant);
            if entry.kind != EVENT {
                self.line_up(claim, Work { entry, event: None }, &mut lanes);
                continue;
            }
            let Some(event) = events.remove(&entry.seq).flatten() else {
                self.give_up(claim, entry, event::dropped());
                continue;
            };
            match self.route(&event) {
                Ok(Routing::Ignore) => ignored.push(entry.seq),
                Ok(Routing::System) => {
                    self.line_up(claim, Work { entry, event: Some((event, Vec::new())) }, &mut lanes);
                }
                Ok(Routing::Keys(keys)) => self.line_up(claim, Work { entry, event: Some((event, keys)) }, &mut lanes),
                Err(error) => self.give_up(claim, entry, error),
            }
        }
        for (_, works) in lanes {
            self.spawn(self.clone().run_lane(claim, works));
        }
        if !ignored.is_empty() {
            self.finish_many(claim, ignored, State::Ignored).await;
        }
    }

    fn route(&self, event: &Event) -> Result<Routing> {
        let Some(handler) = self.handlers.event(&event.provider) else { return Ok(Routing::Ignore) };
        let routing = catch_unwind(AssertUnwindSafe(|| handler.routing(event)));
        let mut routing = routing.unwrap_or_else(|_| Err(panicked()))?;
        if let Routing::Keys(keys) = &mut routing
            && !event.connection.is_empty()
        {
            // What the signed payload says comes first; the path is the last resort.
            keys.push(format!("connection:{}", event.connection));
        }
        Ok(routing)
    }

    fn line_up(self: &Arc<Self>, claim: i64, work: Work, lanes: &mut HashMap<String, Vec<Work>>) {
        match &work.entry.lane {
            Some(lane) => lanes.entry(lane.clone()).or_default().push(work),
            None => self.spawn(self.clone().run_lane(claim, vec![work])),
        }
    }

    fn give_up(self: &Arc<Self>, claim: i64, entry: Claimed, error: Error) {
        let inner = self.clone();
        self.spawn(async move {
            inner.failed(claim, &entry, error).await;
        });
    }
}
