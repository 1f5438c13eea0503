//! Time and chance, as everything else takes them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use aws_lc_rs::rand;
use kernel::{Clock, Id, Prefix, Random, Time};

/// The clock and the dice. Cheap to clone.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    shares: Arc<Mutex<Shares>>,
}

/// Until when each tenant has used its share, in microseconds.
#[derive(Default)]
struct Shares(HashMap<String, i64>);

/// What one entry costs a tenant of its share: a hundred a second are free of any delay behind others.
const COST_MICROS: i64 = 10_000;
/// However much a tenant sends, its entries never stand further back than this.
const MAX_LEAD_MICROS: i64 = 3_600_000_000;
/// Tenants to remember before those are dropped that are within their share again.
const REMEMBERED: usize = 10_000;

impl World {
    /// A world with this clock and these dice.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, shares: Arc::default() }
    }

    /// The real one.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRandom))
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// A new id.
    pub fn new_id<P: Prefix>(&self) -> Id<P> {
        Id::new(&*self.clock, &*self.random)
    }

    /// Where a new entry of `tenant` stands in the queue, in microseconds: the present for a tenant within its share,
    /// later for one that floods it. It is an order, not a delay: with nobody else waiting, the flood runs at once.
    pub(crate) fn rank(&self, tenant: &str) -> i64 {
        let now = self.now().ms().saturating_mul(1000);
        if tenant.is_empty() {
            return now;
        }
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.0.len() > REMEMBERED {
            shares.0.retain(|_, until| *until > now);
        }
        let until = shares.0.entry(tenant.to_owned()).or_insert(now);
        let rank = (*until).clamp(now, now.saturating_add(MAX_LEAD_MICROS));
        *until = rank.saturating_add(COST_MICROS);
        rank
    }

    /// A number that nobody can foresee, not negative.
    pub fn number(&self) -> i64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        i64::from_le_bytes(bytes) & i64::MAX
    }
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Time::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The machine's random numbers.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes).expect("the operating system has random numbers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_floods_the_queue_stands_behind_who_does_not() {
        let world = World::system();
        let flood = (0..1000).map(|_| world.rank("org_loud")).max().unwrap();
        assert!(world.rank("org_quiet") < flood);
    }
}
