//! What this process has claimed and not ended.

use std::{collections::HashMap, sync::MutexGuard, sync::PoisonError};

use super::Inner;
use crate::queue::Seq;

#[derive(Default)]
pub(super) struct Held {
    entries: HashMap<Seq, Holding>,
    tenants: HashMap<String, usize>,
}

struct Holding {
    claim: i64,
    tenant: String,
}

impl Held {
    fn add(&mut self, seq: Seq, claim: i64, tenant: &str) {
        *self.tenants.entry(tenant.to_owned()).or_default() += 1;
        // An entry can be claimed again while its first run, which lost its claim, is not over.
        if let Some(before) = self.entries.insert(seq, Holding { claim, tenant: tenant.to_owned() }) {
            self.one_less(&before.tenant);
        }
    }

    fn remove(&mut self, seq: Seq, claim: i64) {
        if self.entries.get(&seq).is_none_or(|holding| holding.claim != claim) {
            return;
        }
        if let Some(holding) = self.entries.remove(&seq) {
            self.one_less(&holding.tenant);
        }
    }

    fn one_less(&mut self, tenant: &str) {
        if let Some(count) = self.tenants.get_mut(tenant) {
            *count -= 1;
            if *count == 0 {
                self.tenants.remove(tenant);
            }
        }
    }
}

impl Inner {
    pub(super) fn hold(&self, seq: Seq, claim: i64, tenant: &str) {
        self.lock_held().add(seq, claim, tenant);
    }

    pub(super) fn let_go(&self, claim: i64, seqs: &[Seq]) {
        let mut held = self.lock_held();
        for seq in seqs {
            held.remove(*seq, claim);
        }
        drop(held);
        self.settled.notify_waiters();
    }

    pub(super) fn held(&self) -> usize {
        self.lock_held().entries.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.held() == 0
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
    pub(super) fn holdings(&self) -> HashMap<i64, Vec<Seq>> {
        let mut claims: HashMap<i64, Vec<Seq>> = HashMap::new();
        for (seq, holding) in &self.lock_held().entries {
            claims.entry(holding.claim).or_default().push(*seq);
        }
        claims
    }

    /// Tenants that hold their share of what this node may hold. The installation itself is not one.
    pub(super) fn saturated(&self) -> Vec<String> {
        let (held, share) = (self.lock_held(), self.share());
        let full = held.tenants.iter().filter(|(tenant, count)| !tenant.is_empty() && **count >= share);
        full.map(|(tenant, _)| tenant.clone()).collect()
    }

    /// What one tenant may hold: a quarter.
    pub(super) fn share(&self) -> usize {
        (self.options.held / 4).max(1)
    }

    fn lock_held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_claimed_again_counts_once_and_its_first_run_does_not_end_the_second() {
        let mut held = Held::default();
        held.add(7, 1, "org_a");
        held.add(7, 2, "org_a");
        held.remove(7, 1);
        assert_eq!((held.entries.len(), held.tenants.get("org_a")), (1, Some(&1)));
        held.remove(7, 2);
        assert!(held.entries.is_empty() && held.tenants.is_empty());
    }
}
