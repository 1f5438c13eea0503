//! One claim of this node: what it takes from the queue, and when it claims again.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use kernel::{Result, Scope};
use store::{BoxFuture, Isolation, Tx};
use tokio::time::Instant;

use super::{
    Node,
    active::Room,
    quarantine::{Eligible, Quarantine, Suspects},
};
use crate::{
    event::{self, Loaded},
    nodes::NodeNumber,
    queue::{
        Claimed, EVENT,
        claim::{self, Claim, ClaimRequest, Scan},
        promote,
        sql::{self, Work},
        suspects,
        throttle::{self, Admission},
    },
};

/// What a claim did.
pub(super) struct Claiming {
    pub claimed: usize,
    pub next: NextClaim,
    /// When to look again, if nothing happens before: a limit opens at which something waits, or there is more of the queue
    /// to look at.
    pub again_in: Option<Duration>,
    /// Whether there is more of the queue than was looked at.
    pub goes_on: bool,
}

impl Claiming {
    fn nothing(next: NextClaim) -> Self {
        Self { claimed: 0, next, again_in: None, goes_on: false }
    }
}

/// When this node claims again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NextClaim {
    /// Now: there may be more.
    AtOnce,
    /// When an entry of this node ends: something waits for its lane, for its tenant's share, or to run alone.
    WhenSettled,
    /// When somebody wakes the node, or at the next poll: it knows of nothing.
    WhenWoken,
}

/// What a claim took.
struct Taken {
    entries: Vec<Claimed>,
    suspects: Suspects,
    /// Whether something was left that this node could run.
    left: bool,
    /// Where the next claim looks.
    next: Scan,
    /// Whether this one looked far behind the front of the queue.
    went_far: bool,
}

impl Node {
    /// Claims and starts what is ready.
    pub(super) async fn claim_and_start(self: &Arc<Self>) -> Claiming {
        let idle = self.is_idle();
        let quarantine = self.quarantine().at(idle, Instant::now(), self.options.lease);
        let eligible = quarantine.eligible(idle);
        let Some(room) = self.room().filter(|_| eligible != Eligible::NothingAtAll) else {
            return Claiming::nothing(NextClaim::WhenSettled);
        };
        match self.prepare_and_claim(room, eligible, quarantine).await {
            Ok(claiming) => claiming,
            Err(error) => {
                tracing::warn!(?error, "nothing could be claimed");
                // The claim may have been committed all the same.
                self.in_doubt.store(true, Ordering::SeqCst);
                Claiming::nothing(NextClaim::WhenWoken)
            }
        }
    }

    async fn prepare_and_claim(
        self: &Arc<Self>,
        room: Room,
        eligible: Eligible,
        quarantine: Quarantine,
    ) -> Result<Claiming> {
        let Some(node) = self.lease.node() else {
            return Ok(Claiming::nothing(NextClaim::WhenWoken));
        };
        if self.in_doubt.load(Ordering::SeqCst) {
            self.give_back_unheard(node).await?;
            self.in_doubt.store(false, Ordering::SeqCst);
        }
        let work = self.look().await?;
        let more_is_due = work.due && self.promote().await?;
        // What is due may have come to a limit just now.
        let Admission { admitted, opens_in } =
            if work.due || work.throttled { self.admit().await? } else { Admission::default() };
        if !work.due && !work.ready && !work.suspect && admitted == 0 {
            self.world.serve(None);
            *self.quarantine.lock().unwrap_or_else(PoisonError::into_inner) = Quarantine::Off;
            let next = if work.throttled { NextClaim::WhenSettled } else { NextClaim::WhenWoken };
            return Ok(Claiming { again_in: opens_in, ..Claiming::nothing(next) });
        }
        let (request, began) = (self.request(node, room), Instant::now());
        let claim = request.claim;
        let taken = self.claim(request, eligible, work.suspect).await?;
        if taken.went_far {
            self.far_again.set(began.elapsed());
        }
        self.remember(&taken, quarantine);
        let claimed = taken.entries.len();
        let goes_on = taken.next.goes_on();
        let again_in = opens_in.into_iter().chain(goes_on.then(|| self.far_again.wait())).min();
        let next = match (claimed == room.entries || more_is_due, taken.left) {
            (true, _) => NextClaim::AtOnce,
            (false, true) => NextClaim::WhenSettled,
            (false, false) if work.throttled => NextClaim::WhenSettled,
            (false, false) => NextClaim::WhenWoken,
        };
        if self.lease.node() != Some(node) {
            // The lease ran out meanwhile: nothing is begun on it.
            self.give_back(claim, &taken.entries);
            return Ok(Claiming::nothing(NextClaim::WhenWoken));
        }
        metrics::counter!("trunkline_claims_total").increment(1);
        if self.begin(claim, taken.entries).await {
            Ok(Claiming { claimed, next, again_in, goes_on })
        } else {
            Ok(Claiming { again_in, ..Claiming::nothing(NextClaim::WhenSettled) })
        }
    }

    /// What there is to do, by a read alone.
    async fn look(&self) -> Result<Work> {
        let now = self.world.now();
        self.db.read(&Scope::System, |tx| Box::pin(sql::work(tx, now))).await
    }

    /// Ranks what is due. Whether there is more of it.
    async fn promote(&self) -> Result<bool> {
        let world = self.world.clone();
        self.queue_write(move |tx| {
            let world = world.clone();
            Box::pin(async move { promote::promote(tx, &world).await })
        })
        .await
    }

    /// Admits what waits at its limit and has a place there.
    async fn admit(&self) -> Result<Admission> {
        let now = self.world.now();
        self.queue_write(move |tx| Box::pin(throttle::admit(tx, now))).await
    }

    fn request(&self, node: NodeNumber, room: Room) -> ClaimRequest {
        ClaimRequest {
            limit: i64::try_from(room.entries).unwrap_or(0),
            jobs: i64::try_from(room.jobs).unwrap_or(0),
            share: i64::try_from(room.share).unwrap_or(1),
            claim: self.world.number(),
            node,
            saturated: self.saturated(room.share),
            known: self.claimable(),
            scan: *self.scan.lock().unwrap_or_else(PoisonError::into_inner),
            is_far: self.far_again.wait().is_zero(),
        }
    }

    /// Each step in a transaction of its own: claims of all nodes wait for one another, so theirs are short.
    async fn claim(&self, request: ClaimRequest, eligible: Eligible, suspects: bool) -> Result<Taken> {
        let waiting = suspects && self.any_suspects().await?;
        let (mut entries, mut next, mut went_far) = (Vec::new(), Scan::NEW, false);
        if !waiting || matches!(eligible, Eligible::Others | Eligible::OthersFirst) {
            let request = request.clone();
            let claim = self.queue_write(move |tx| {
                let request = request.clone();
                Box::pin(async move { claim::claim(tx, &request).await })
            });
            Claim { entries, next, went_far } = claim.await?;
        }
        let mut saw = if waiting { Suspects::Waiting } else { Suspects::None };
        if waiting && entries.is_empty() && matches!(eligible, Eligible::Suspects | Eligible::OthersFirst) {
            let request = request.clone();
            let claim = self.queue_write(move |tx| {
                let request = request.clone();
                Box::pin(async move { suspects::claim(tx, &request).await })
            });
            entries = claim.await?;
            saw = if entries.is_empty() { saw } else { Suspects::Taken };
        }
        let full = i64::try_from(entries.len()).unwrap_or(i64::MAX) == request.limit;
        // Nothing that was claimed is let go because this is not known.
        let left = full || waiting || self.has_ready().await.unwrap_or(true);
        Ok(Taken { entries, suspects: saw, left, next, went_far })
    }

    async fn any_suspects(&self) -> Result<bool> {
        let known = self.claimable();
        self.db.read(&Scope::System, |tx| Box::pin(async move { suspects::any(tx, &known).await })).await
    }

    async fn has_ready(&self) -> Result<bool> {
        let known = self.claimable();
        self.db.read(&Scope::System, |tx| Box::pin(async move { sql::has_ready(tx, &known).await })).await
    }

    /// A write of the queue's own: right by row locks and claims, outside of serializable transactions.
    pub(super) async fn queue_write<T, F>(&self, write: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        self.db.write_at(Isolation::ReadCommitted, &Scope::System, write).await
    }

    /// Keeps what the next claim has to know of this one.
    fn remember(&self, taken: &Taken, quarantine: Quarantine) {
        let front = taken.entries.iter().map(|entry| entry.rank).min();
        match taken.suspects {
            Suspects::None => self.world.serve(if taken.left { front } else { None }),
            Suspects::Waiting if front.is_some() => self.world.serve(front),
            // Suspects run before others with lower ranks: theirs are not those that are being claimed.
            Suspects::Waiting | Suspects::Taken => {}
        }
        *self.quarantine.lock().unwrap_or_else(PoisonError::into_inner) =
            quarantine.after(taken.suspects, Instant::now());
        *self.scan.lock().unwrap_or_else(PoisonError::into_inner) = taken.next;
    }

    /// Starts what was claimed. False when it cannot be read: then it is given back.
    async fn begin(self: &Arc<Self>, claim: i64, entries: Vec<Claimed>) -> bool {
        self.hold(claim, &entries);
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

    /// Gives back what was claimed for this node by a transaction whose end it did not hear of. Only this task claims.
    async fn give_back_unheard(&self, node: NodeNumber) -> Result<()> {
        let (claims, now) = (Arc::new(self.claims().into_keys().collect::<Vec<_>>()), self.world.now());
        let back = self.queue_write(move |tx| {
            let claims = claims.clone();
            Box::pin(async move { sql::release_unheard(tx, node, &claims, now).await })
        });
        match back.await? {
            0 => {}
            entries => tracing::warn!(entries, "gave back what was claimed while the database went away"),
        }
        Ok(())
    }

    /// Gives back what was claimed and not begun, a moment later: what is wrong now would only be met again.
    fn give_back(self: &Arc<Self>, claim: i64, entries: &[Claimed]) {
        let (inner, seqs) = (self.clone(), entries.iter().map(|entry| entry.seq).collect());
        self.spawn(async move {
            tokio::time::sleep(inner.options.poll).await;
            inner.release(claim, seqs).await;
        });
    }

    fn quarantine(&self) -> Quarantine {
        *self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
