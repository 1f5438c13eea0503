//! A clock that a test sets, deterministic randomness, and options without waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, Random, Time};
use provider::http::{Http, Options, Transport};
use url::Url;

pub(crate) struct World {
    pub(crate) options: Options,
    now: Arc<Now>,
}

struct Now(AtomicI64);

impl Clock for Now {
    fn now(&self) -> Time {
        Time::from_ms(self.0.load(Ordering::Relaxed))
    }
}

struct Sevens;

impl Random for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl World {
    /// 2026-01-01, and hardly any pause between attempts.
    pub(crate) fn new() -> Self {
        let options = Options {
            backoff: Duration::from_millis(1),
            longest_wait: Duration::from_millis(50),
            ..Options::default()
        };
        Self { options, now: Arc::new(Now(AtomicI64::new(1_767_225_600_000))) }
    }

    /// The same, with a time-out that a silent host soon exceeds.
    pub(crate) fn impatient() -> Self {
        let mut world = Self::new();
        world.options.timeout = Duration::from_millis(100);
        world
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(crate) fn transport(&self) -> Transport {
        Transport::new(self.options.clone(), self.now.clone(), Arc::new(Sevens))
    }

    pub(crate) fn http(&self, base: Url) -> Http {
        Http::new(&self.transport(), "acme", base).credential("ACME_SECRET_KEY")
    }
}
