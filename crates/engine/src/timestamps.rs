//! Timestamps of the live protocol: they only grow, over restarts and from one node to the next.
//!
//! They are nanoseconds of the wall clock as long as that goes forward, and count on where it does not. What another node
//! gave is observed, so that whoever comes from there is never shown an earlier number here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::World;

/// The last moment that the wire can carry.
const END: u64 = i64::MAX as u64;

/// Gives timestamps. Cheap to clone.
#[derive(Clone)]
pub struct Timestamps {
    world: World,
    last: Arc<AtomicU64>,
}

impl Timestamps {
    /// Timestamps from now on.
    pub fn new(world: World) -> Self {
        Self { world, last: Arc::default() }
    }

    /// A timestamp that is later than all before.
    pub fn next(&self) -> u64 {
        let now = self.wall();
        let later = |last: u64| Some(last.saturating_add(1).max(now).min(END));
        let before = self.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        later(before.unwrap_or(END)).unwrap_or(END)
    }

    /// The last one that was given or observed.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// Notes one that somebody else gave: those from now on are later.
    pub fn observe(&self, ts: u64) {
        self.last.fetch_max(ts.min(END), Ordering::SeqCst);
    }

    /// The wall clock in nanoseconds.
    pub fn wall(&self) -> u64 {
        u64::try_from(self.world.now().ms()).unwrap_or(0).saturating_mul(1_000_000)
    }
}
