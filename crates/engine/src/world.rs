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

/// Who has used how much of the workers.
#[derive(Default)]
struct Shares {
    /// Until when each tenant has used its share, in microseconds.
    until: HashMap<String, i64>,
    /// Where the queue is served while it is longer than the workers are fast: the place of whoever comes new.
    front: Option<i64>,
}

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

    /// Where a new entry of `tenant` stands in the queue, in microseconds: at its front for a tenant within its share,
    /// later for one that floods it. It is an order, not a delay: with nobody else waiting, the flood runs at once.
    pub(crate) fn rank(&self, tenant: &str) -> i64 {
        let now = self.now().ms().saturating_mul(1000);
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who wait for long came before `now`: who comes new does not stand behind another tenant's flood.
        let front = shares.front.map_or(now, |front| front.min(now));
        if tenant.is_empty() {
            return front;
        }
        if shares.until.len() > REMEMBERED {
            shares.until.retain(|_, until| *until > front);
        }
        let until = shares.until.entry(tenant.to_owned()).or_insert(front);
        let rank = (*until).clamp(front, now.saturating_add(MAX_LEAD_MICROS));
        *until = rank.saturating_add(COST_MICROS);
        rank
    }

    /// Notes where the queue is served; none when nothing waits.
    pub(crate) fn serve(&self, front: Option<i64>) {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner).front = front;
    }

    /// A number that nobody can foresee, not negative.
    pub fn number(&self) -> i64 {
        i64::from_le_bytes(self.bytes()) & i64::MAX
    }

    /// Bytes that nobody can foresee.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
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

    #[test]
    fn who_comes_new_stands_where_the_queue_is_served_however_old_those_are_who_wait() {
        let world = World::system();
        let flood: Vec<_> = (0..1000).map(|_| world.rank("org_loud") - MAX_LEAD_MICROS).collect();
        world.serve(Some(flood[10]));
        assert!(world.rank("org_quiet") < flood[11]);
        world.serve(None);
        assert!(world.rank("org_quiet") > flood[999]);
    }
}
