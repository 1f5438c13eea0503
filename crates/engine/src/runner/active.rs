//! What this process has claimed and not ended, and how much more it may claim.

use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::futures::Notified, time::Instant};

use super::Node;
use crate::queue::{Claimed, EVENT, Seq};

/// Entries that one claim takes at most.
const CLAIM: usize = 512;
/// How long the end of one entry waits for the ends of others, before what waited for it is claimed.
const TOGETHER: Duration = Duration::from_millis(5);
/// What ends in this time may be claimed ahead.
const AHEAD: Duration = Duration::from_millis(250);

/// The entries that this process has claimed and not ended.
#[derive(Default)]
pub(super) struct ActiveClaims {
    entries: HashMap<Seq, ActiveClaim>,
    tenants: HashMap<String, usize>,
    /// How many of them are jobs, not events.
    jobs: usize,
    /// Ends that were news to claims.
    news: u64,
    turnover: Turnover,
}

struct ActiveClaim {
    claim: i64,
    tenant: String,
    is_job: bool,
}

/// How much a node may claim now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Entries of any kind.
    pub entries: usize,
    /// Jobs among them.
    pub jobs: usize,
    /// Entries of one tenant.
    pub share: usize,
}

impl ActiveClaims {
    fn add(&mut self, seq: Seq, claim: ActiveClaim) {
        *self.tenants.entry(claim.tenant.clone()).or_default() += 1;
        self.jobs += usize::from(claim.is_job);
        // An entry can be claimed again while its first run, which lost its claim, is not over.
        if let Some(before) = self.entries.insert(seq, claim) {
            self.forget(&before);
        }
    }

    /// Returns how many entries its tenant holds after it; none for the installation, which has no share.
    fn remove(&mut self, seq: Seq, claim: i64) -> usize {
        if self.entries.get(&seq).is_none_or(|active| active.claim != claim) {
            return 0;
        }
        let Some(active) = self.entries.remove(&seq) else { return 0 };
        self.forget(&active);
        self.tenants.get(&active.tenant).copied().filter(|_| !active.tenant.is_empty()).unwrap_or(0)
    }

    fn forget(&mut self, claim: &ActiveClaim) {
        self.jobs -= usize::from(claim.is_job);
        if let Some(count) = self.tenants.get_mut(&claim.tenant) {
            *count -= 1;
            if *count == 0 {
                self.tenants.remove(&claim.tenant);
            }
        }
    }
}

/// How many entries end in a short time, counted in windows of [`AHEAD`].
struct Turnover {
    since: Instant,
    ended: usize,
    before: usize,
}

impl Default for Turnover {
    fn default() -> Self {
        Self { since: Instant::now(), ended: 0, before: 0 }
    }
}

impl Turnover {
    fn count(&mut self, ended: usize, now: Instant) {
        self.move_on(now);
        self.ended += ended;
    }

    /// What ended in the present window or the one before, whichever is more.
    fn recent(&mut self, now: Instant) -> usize {
        self.move_on(now);
        self.ended.max(self.before)
    }

    fn move_on(&mut self, now: Instant) {
        let over = now.duration_since(self.since);
        if over >= AHEAD {
            self.before = if over < 2 * AHEAD { self.ended } else { 0 };
            self.ended = 0;
            self.since = now;
        }
    }
}

impl Node {
    pub(super) fn hold(&self, claim: i64, entries: &[Claimed]) {
        let mut active = self.lock_active();
        for entry in entries {
            let is_job = entry.kind != EVENT;
            active.add(entry.seq, ActiveClaim { claim, tenant: entry.tenant.clone(), is_job });
        }
    }

    /// Holds these no longer. Another claim may be worth it then, but not yet for a tenant that still holds most of its share:
    /// it is given more when it has room for a quarter of that.
    pub(super) fn let_go(&self, claim: i64, seqs: &[Seq]) {
        let mut active = self.lock_active();
        let share = self.share(self.most(&mut active));
        for seq in seqs {
            let held = active.remove(*seq, claim);
            active.news += u64::from(held <= share - share.div_ceil(4));
        }
        active.turnover.count(seqs.len(), Instant::now());
        drop(active);
        self.settled.notify_waiters();
    }

    /// Holds nothing any more: all of it is another node's.
    pub(super) fn forget_active(&self) {
        let mut active = self.lock_active();
        *active = ActiveClaims { news: active.news + 1, ..ActiveClaims::default() };
        drop(active);
        self.settled.notify_waiters();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock_active().entries.is_empty()
    }

    /// Ends when nothing is held.
    pub(super) async fn idle(&self) {
        loop {
            let settled = self.settled.notified();
            if self.is_idle() {
                return;
            }
            settled.await;
        }
    }

    /// Everything that is held, by claim.
    pub(super) fn claims(&self) -> HashMap<i64, Vec<Seq>> {
        let mut claims: HashMap<i64, Vec<Seq>> = HashMap::new();
        for (seq, active) in &self.lock_active().entries {
            claims.entry(active.claim).or_default().push(*seq);
        }
        claims
    }

    /// How much this node may claim now; none while it is not worth a claim.
    ///
    /// Twice as many entries as can run at a time, so that there is a next one when one ends, and what is more can be
    /// begun sooner by another node, or overtaken by what is urgent. Where entries end fast, what ends in a quarter of a
    /// second may be held: claims are then few and large. That is never so for jobs, one of which may take minutes.
    pub(super) fn room(&self) -> Option<Room> {
        let mut active = self.lock_active();
        let (most, twice) = (self.most(&mut active), self.twice());
        let entries = most.saturating_sub(active.entries.len()).min(CLAIM);
        let jobs = twice.saturating_sub(active.jobs);
        let worth_it = entries >= most.min(CLAIM).div_ceil(4);
        worth_it.then_some(Room { entries, jobs, share: self.share(most) })
    }

    /// How many entries this node may hold.
    fn most(&self, active: &mut ActiveClaims) -> usize {
        active.turnover.recent(Instant::now()).max(self.twice()).min(self.options.held)
    }

    /// Twice what can run at a time.
    fn twice(&self) -> usize {
        (2 * self.options.concurrency).min(self.options.held)
    }

    /// Whether this node holds more than it may: entries ended fast, and do so no longer.
    pub(super) fn holds_too_much(&self) -> bool {
        self.lock_active().entries.len() > 2 * self.options.concurrency
    }

    /// Ends that may let a claim find what the last one did not, so far: see [`Node::let_go`].
    pub(super) fn news(&self) -> u64 {
        self.lock_active().news
    }

    /// Ends when there has been such an end after `news` of them. `settled` was asked for before.
    pub(super) async fn settled_enough(&self, mut settled: Notified<'_>, news: u64) {
        loop {
            settled.await;
            // What ends in the same moment is claimed for together.
            tokio::time::sleep(TOGETHER).await;
            settled = self.settled.notified();
            if self.news() != news {
                return;
            }
        }
    }

    /// Tenants that hold their share of what this node may hold. The installation itself is not one.
    pub(super) fn saturated(&self, share: usize) -> Vec<String> {
        let active = self.lock_active();
        let full = active.tenants.iter().filter(|(tenant, count)| !tenant.is_empty() && **count >= share);
        full.map(|(tenant, _)| tenant.clone()).collect()
    }

    /// What one tenant may hold of `most`: a quarter, and at least half of what can run, so that a tenant that is alone
    /// does not wait for nobody.
    fn share(&self, most: usize) -> usize {
        (most / 4).max(self.options.concurrency.min(most)).max(1)
    }

    fn lock_active(&self) -> MutexGuard<'_, ActiveClaims> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(claim: i64) -> ActiveClaim {
        ActiveClaim { claim, tenant: "org_a".to_owned(), is_job: true }
    }

    #[test]
    fn an_entry_that_is_claimed_again_counts_once_and_its_first_run_does_not_end_the_second() {
        let mut active = ActiveClaims::default();
        active.add(7, claim(1));
        active.add(7, claim(2));
        active.remove(7, 1);
        assert_eq!((active.entries.len(), active.tenants.get("org_a"), active.jobs), (1, Some(&1), 1));
        active.remove(7, 2);
        assert!(active.entries.is_empty() && active.tenants.is_empty() && active.jobs == 0);
    }

    #[test]
    fn what_ended_fast_counts_for_a_short_time() {
        let (mut turnover, start) = (Turnover::default(), Instant::now());
        turnover.count(900, start);
        assert_eq!(turnover.recent(start + AHEAD), 900);
        turnover.count(3, start + AHEAD);
        assert_eq!(turnover.recent(start + AHEAD), 900);
        assert_eq!(turnover.recent(start + 2 * AHEAD), 3);
        assert_eq!(turnover.recent(start + 5 * AHEAD), 0);
    }
}
