//! Whose turn it is: the rank that an entry gets when it enters the queue.
//!
//! A rank is an order, not a delay: with nobody else waiting, a flood runs at once. It is microseconds of time, so that
//! what waits long enough comes first, whatever its tenant does.

use std::{collections::HashMap, mem};

/// What one entry costs a tenant of its share: a hundred a second are free of any delay behind others.
const COST_MICROS: i64 = 10_000;
/// However much a tenant sends, its entries never stand further back than this.
const MAX_LEAD_MICROS: i64 = 3_600_000_000;
/// Tenants in each of the two generations.
const GENERATION: usize = 20_000;

/// How much of its share each tenant has used, on this node.
///
/// Tenants are kept in two generations: when the recent one is full it becomes the older one, and what was in that is
/// forgotten. So a look costs the same however many tenants there are, and what is forgotten is who enqueued nothing
/// while 20,000 others did: they begin at the front again.
#[derive(Default)]
pub(crate) struct Shares {
    /// Until when each tenant has used its share, in microseconds.
    recent: HashMap<String, i64>,
    older: HashMap<String, i64>,
    /// The rank that is being claimed now, while the queue is longer than the workers are fast.
    front: Option<i64>,
}

impl Shares {
    /// The rank of a new entry of `tenant`: at the front of the queue for a tenant within its share, later for one that
    /// floods it. The installation itself, whose name is empty, has no share to use up.
    pub(crate) fn rank(&mut self, tenant: &str, now: i64) -> i64 {
        // What has waited for long came before `now`: a new tenant does not stand behind another tenant's flood.
        let front = self.front.map_or(now, |front| front.min(now));
        if tenant.is_empty() {
            return front;
        }
        let used = self.recent.get(tenant).or_else(|| self.older.get(tenant)).copied().unwrap_or(front);
        let rank = used.clamp(front, now.saturating_add(MAX_LEAD_MICROS));
        self.note(tenant, rank.saturating_add(COST_MICROS));
        rank
    }

    /// Forgets a tenant: it begins at the front again.
    pub(crate) fn forget(&mut self, tenant: &str) {
        self.recent.remove(tenant);
        self.older.remove(tenant);
    }

    /// Notes the rank that is being claimed; none when nothing waits.
    pub(crate) fn serve(&mut self, front: Option<i64>) {
        self.front = front;
    }

    fn note(&mut self, tenant: &str, until: i64) {
        if let Some(used) = self.recent.get_mut(tenant) {
            *used = until;
            return;
        }
        if self.recent.len() >= GENERATION {
            self.older = mem::take(&mut self.recent);
        }
        self.recent.insert(tenant.to_owned(), until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000_000;

    #[test]
    fn who_floods_the_queue_stands_behind_who_does_not() {
        let mut shares = Shares::default();
        let flood = (0..1000).map(|_| shares.rank("org_loud", NOW)).max().unwrap();
        assert!(shares.rank("org_quiet", NOW) < flood);
    }

    #[test]
    fn a_new_tenant_stands_where_the_queue_is_claimed_however_old_what_waits_is() {
        let mut shares = Shares::default();
        let flood: Vec<_> = (0..1000).map(|_| shares.rank("org_loud", NOW) - MAX_LEAD_MICROS).collect();
        shares.serve(Some(flood[10]));
        assert!(shares.rank("org_quiet", NOW) < flood[11]);
        shares.serve(None);
        assert!(shares.rank("org_quiet", NOW) > flood[999]);
    }

    #[test]
    fn a_million_tenants_with_a_backlog_take_no_more_memory_than_two_generations() {
        let mut shares = Shares::default();
        shares.rank("org_loud", NOW);
        for tenant in 0..1_000_000 {
            shares.rank(&format!("org_{tenant}"), NOW);
            if tenant % 1000 == 0 {
                assert!(shares.rank("org_loud", NOW) >= NOW + COST_MICROS, "who goes on is not forgotten");
            }
            assert!(shares.recent.len() + shares.older.len() <= 2 * GENERATION);
        }
    }

    #[test]
    fn the_installation_itself_has_no_share_to_use_up() {
        let mut shares = Shares::default();
        assert_eq!((shares.rank("", NOW), shares.rank("", NOW)), (NOW, NOW));
    }
}
