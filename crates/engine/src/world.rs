//! Time and chance, as everything else takes them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use aws_lc_rs::rand;
use kernel::{Clock, Id, Prefix, Random, Time};

use crate::shares::Shares;

/// The clock and the dice. Cheap to clone.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    shares: Arc<Mutex<Shares>>,
}

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

    /// The rank of a new entry of `tenant` in the queue, in microseconds: see [`Shares::rank`].
    pub(crate) fn rank(&self, tenant: &str) -> i64 {
        let now = self.now().ms().saturating_mul(1000);
        self.shares.lock().unwrap_or_else(PoisonError::into_inner).rank(tenant, now)
    }

    /// Forgets what a tenant has used of its share.
    pub(crate) fn forget(&self, tenant: &str) {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner).forget(tenant);
    }

    /// Notes the rank that is being claimed; none when nothing waits.
    pub(crate) fn serve(&self, front: Option<i64>) {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner).serve(front);
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
