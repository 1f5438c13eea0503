//! One claim: what a node takes of the queue, and when it looks again.

use std::sync::{Arc, PoisonError};

use kernel::{Result, Scope};
use store::Isolation;
use tokio::time::Instant;

use super::{
    Inner,
    turn::{Plan, Suspects, Turn},
};
use crate::{
    event::{self, Loaded},
    queue::{
        Claimed, EVENT,
        claim::{self, Place, Want},
        sql, suspects,
    },
};

/// Entries that one claim takes at most.
const CLAIM: usize = 512;

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

/// What a claim took.
struct Taken {
    entries: Vec<Claimed>,
    suspects: Suspects,
    /// Whether something was left.
    left: bool,
    /// Where the next claim begins to look.
    next: Place,
}

impl Inner {
    /// Claims and starts what is ready.
    pub(super) async fn round(self: &Arc<Self>) -> Round {
        let free = self.options.held.saturating_sub(self.held()).min(CLAIM);
        let idle = self.is_idle();
        let turn = self.turn().go_on(idle, Instant::now(), self.options.lease);
        let plan = turn.plan(idle);
        if free < CLAIM.min(self.options.held) / 4 || plan == Plan::Quiet {
            return Round { claimed: 0, more: More::WhenSettled };
        }
        let want = self.want(free);
        let claim = want.claim;
        let taken = match self.claim(want, plan).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(?error, "nothing could be claimed");
                return Round { claimed: 0, more: More::No };
            }
        };
        self.remember(&taken, turn);
        let claimed = taken.entries.len();
        let more = match (claimed == free || taken.next != Place::FRONT, taken.left) {
            (true, _) => More::AtOnce,
            (false, true) => More::WhenSettled,
            (false, false) => More::No,
        };
        if self.begin(claim, taken.entries).await {
            Round { claimed, more }
        } else {
            Round { claimed: 0, more: More::WhenSettled }
        }
    }

    fn want(&self, free: usize) -> Want {
        Want {
            limit: i64::try_from(free).unwrap_or(0),
            share: i64::try_from(self.share()).unwrap_or(1),
            claim: self.world.number(),
            lease_until: self.world.now() + self.options.lease,
            saturated: self.saturated(),
            from: *self.place.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    async fn claim(&self, want: Want, plan: Plan) -> Result<Taken> {
        let now = self.world.now();
        let write = store::work(move |tx| {
            let want = want.clone();
            Box::pin(async move {
                sql::promote(tx, now).await?;
                let waiting = suspects::any(tx).await?;
                let (mut entries, mut next) = (Vec::new(), Place::FRONT);
                if !waiting || matches!(plan, Plan::Others | Plan::OthersFirst) {
                    (entries, next) = claim::claim(tx, &want).await?;
                }
                let mut saw = if waiting { Suspects::Waiting } else { Suspects::None };
                if waiting && entries.is_empty() && matches!(plan, Plan::Suspects | Plan::OthersFirst) {
                    entries = suspects::claim(tx, want.limit, want.claim, want.lease_until).await?;
                    saw = if entries.is_empty() { saw } else { Suspects::Taken };
                }
                let full = i64::try_from(entries.len()).unwrap_or(i64::MAX) == want.limit;
                let left = full || waiting || sql::has_ready(tx).await?;
                Ok(Taken { entries, suspects: saw, left, next })
            })
        });
        self.db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
    }

    /// Keeps what the next round has to know of this one.
    fn remember(&self, taken: &Taken, turn: Turn) {
        let front = taken.entries.iter().map(|entry| entry.rank).min();
        match taken.suspects {
            Suspects::None => self.world.serve(if taken.left { front } else { None }),
            Suspects::Waiting if front.is_some() => self.world.serve(front),
            // Suspects run before their turn: where they stand in the queue is not where it is served.
            Suspects::Waiting | Suspects::Taken => {}
        }
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn.after(taken.suspects, Instant::now());
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = taken.next;
    }

    /// Starts what was claimed. False when it cannot be read: then it is given back.
    async fn begin(self: &Arc<Self>, claim: i64, entries: Vec<Claimed>) -> bool {
        for entry in &entries {
            self.hold(entry.seq, claim, &entry.tenant);
        }
        match self.load(&entries).await {
            Ok(events) => {
                self.start(claim, entries, events).await;
                true
            }
            Err(error) => {
                tracing::warn!(?error, "what was claimed cannot be read: it is given back");
                self.give_back(claim, &entries);
                false
            }
        }
    }

    /// The events among these. Not in the claim's transaction, because other claimers wait for its end, and bodies are
    /// large.
    async fn load(&self, entries: &[Claimed]) -> Result<Loaded> {
        let seqs: Vec<_> = entries.iter().filter(|entry| entry.kind == EVENT).map(|entry| entry.seq).collect();
        if seqs.is_empty() {
            return Ok(Loaded::new());
        }
        let handled = self.handlers.providers();
        self.db.read(&Scope::System, |tx| Box::pin(async move { event::load(tx, &seqs, handled).await })).await
    }

    /// Gives back what was claimed and not begun, a moment later: what is wrong now would only be met again.
    fn give_back(self: &Arc<Self>, claim: i64, entries: &[Claimed]) {
        let (inner, seqs) = (self.clone(), entries.iter().map(|entry| entry.seq).collect());
        self.spawn(async move {
            tokio::time::sleep(inner.options.poll).await;
            inner.release(claim, seqs).await;
        });
    }

    /// Whether anything could be claimed or promoted.
    pub(super) async fn has_work(&self) -> bool {
        let now = self.world.now();
        let work = self.db.read(&Scope::System, |tx| Box::pin(sql::has_work(tx, now))).await;
        work.unwrap_or(false)
    }

    fn turn(&self) -> Turn {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
