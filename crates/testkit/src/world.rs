//! Time and randomness under a test's control.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, Random, Time};

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Creates a clock at noon of the first day of 2026, UTC.
    pub fn new() -> Self {
        Self::at(Time::from_ms(1_767_268_800_000))
    }

    /// Creates a clock at this time.
    pub fn at(moment: Time) -> Self {
        Self(Arc::new(AtomicI64::new(moment.ms())))
    }

    /// Moves it forward.
    pub fn advance(&self, span: Duration) {
        let now = self.now() + span;
        self.set(now);
    }

    /// Sets the clock to any time.
    pub fn set(&self, moment: Time) {
        self.0.store(moment.ms(), Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that is the same for the same seed (splitmix64). Nodes of one installation need different seeds.
pub struct TestRandom(AtomicU64);

impl TestRandom {
    /// Creates a source with this seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Returns this many milliseconds.
pub const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Returns this many seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Returns this many minutes.
pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Returns this many hours.
pub const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// Returns this many days.
pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}
