//! How often may be called: by one caller, by all of one organization, and one operation. Counted in this process.
//!
//! A caller is a key, a person, or where nobody is signed in an address. What is allowed in a window comes back evenly over
//! the window (GCRA), so that nobody waits for the full hour.

use std::{
    fmt::Write,
    net::IpAddr,
    num::NonZeroU32,
    ops::Add,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use engine::{Identity, Who, World};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::keyed::HashMapStateStore,
};
use kernel::{Code, Error, Result};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// How often those are forgotten who have their whole allowance again, in nanoseconds.
const SWEEP: u64 = 60_000_000_000;

/// So many calls in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, at once or spread.
    pub calls: NonZeroU32,
    /// In how much time. Less than a nanosecond for each call counts as one.
    pub window: Duration,
}

/// How often may be called; none means as often as one likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// By one key, one person, or one address where nobody is signed in.
    pub caller: Option<Rate>,
    /// By all of one organization.
    pub organization: Option<Rate>,
    /// One operation by one caller.
    pub operation: Option<Rate>,
}

impl Rate {
    /// So many in a minute. Zero counts as one.
    pub fn per_minute(calls: u32) -> Self {
        Self { calls: NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN), window: Duration::from_secs(60) }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            caller: Some(Rate::per_minute(6_000)),
            organization: Some(Rate::per_minute(30_000)),
            operation: Some(Rate::per_minute(3_000)),
        }
    }
}

/// The counters of a process.
pub(crate) struct Limits {
    caller: Option<Limit>,
    organization: Option<Limit>,
    operation: Option<Limit>,
}

impl Limits {
    pub(crate) fn new(rates: &Rates, world: &World) -> Self {
        let limit = |name, rate: Option<Rate>| rate.map(|rate| Limit::new(name, rate, world));
        Self {
            caller: limit("caller", rates.caller),
            organization: limit("organization", rates.organization),
            operation: limit("operation", rates.operation),
        }
    }

    /// Counts a call of `operation`. Whoever is refused costs the others of their organization nothing.
    pub(crate) fn call(&self, who: &Who, address: Option<IpAddr>, operation: &str) -> Standing {
        let caller = caller(who, address);
        let mut standing = Standing::default();
        let of_operation = format!("{operation} {caller}");
        let organization = who.organization.as_ref().map(ToString::to_string);
        standing.count(self.caller.as_ref(), &caller);
        standing.count(self.operation.as_ref(), &of_operation);
        if let Some(organization) = organization {
            standing.count(self.organization.as_ref(), &organization);
        }
        standing
    }

    /// Counts a call by somebody whose token is nobody's: whoever guesses has no more guesses than calls.
    pub(crate) fn stranger(&self, address: Option<IpAddr>) -> Standing {
        let mut standing = Standing::default();
        standing.count(self.caller.as_ref(), &by_address(address));
        standing
    }
}

fn caller(who: &Who, address: Option<IpAddr>) -> String {
    match &who.identity {
        Identity::Anonymous => by_address(address),
        identity @ (Identity::Token(_) | Identity::Key(_) | Identity::Operator(_)) => identity.key(),
    }
}

fn by_address(address: Option<IpAddr>) -> String {
    match address {
        // Whoever has one IPv6 address has all of its network.
        Some(IpAddr::V6(address)) => format!("address:{:x}", address.to_bits() >> 64),
        Some(IpAddr::V4(address)) => format!("address:{address}"),
        None => "address".to_owned(),
    }
}

/// What the limits say of one call.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    lines: Vec<Line>,
    wait: Option<Duration>,
}

/// What one limit says.
#[derive(Debug)]
struct Line {
    name: &'static str,
    rate: Rate,
    remaining: u32,
    reset: Duration,
}

impl Standing {
    fn count(&mut self, limit: Option<&Limit>, key: &str) {
        let Some(limit) = limit.filter(|_| self.wait.is_none()) else { return };
        let (remaining, wait) = limit.count(key);
        let used = limit.rate.calls.get().saturating_sub(remaining);
        let reset = limit.rate.each().saturating_mul(used);
        self.lines.push(Line { name: limit.name, rate: limit.rate, remaining, reset });
        self.wait = wait;
    }

    /// Whether the call may go on.
    ///
    /// # Errors
    /// `RateLimited`, with the time after which it may be tried again.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(wait) = self.wait else { return Ok(()) };
        let message = "too many calls in a short time: wait as long as Retry-After says";
        Err(Error::new(Code::RateLimited, "rate_limited", message).retry_after(wait))
    }

    /// Tells the caller, in the words of the IETF's draft on RateLimit header fields.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let (mut policy, mut state) = (String::new(), String::new());
        for line in &self.lines {
            let comma = if policy.is_empty() { "" } else { ", " };
            let (name, calls, window) = (line.name, line.rate.calls, whole_seconds(line.rate.window));
            let (remaining, reset) = (line.remaining, whole_seconds(line.reset));
            // Writing to a text cannot fail.
            write!(policy, "{comma}\"{name}\";q={calls};w={window}").unwrap_or_default();
            write!(state, "{comma}\"{name}\";r={remaining};t={reset}").unwrap_or_default();
        }
        for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
            if let Ok(value) = HeaderValue::from_str(&text)
                && !text.is_empty()
            {
                headers.insert(name, value);
            }
        }
    }
}

/// Rounded up: who waits that long has waited long enough.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

impl Rate {
    /// After how much time one more call is allowed.
    fn each(self) -> Duration {
        (self.window / self.calls.get()).max(Duration::from_nanos(1))
    }
}

/// One limit, with a counter for each key.
struct Limit {
    name: &'static str,
    rate: Rate,
    clock: WorldClock,
    swept: AtomicU64,
    counters: RateLimiter<String, HashMapStateStore<String>, WorldClock, StateInformationMiddleware>,
}

impl Limit {
    fn new(name: &'static str, rate: Rate, world: &World) -> Self {
        let clock = WorldClock(world.clone());
        let quota = Quota::with_period(rate.each()).unwrap_or(Quota::per_second(rate.calls)).allow_burst(rate.calls);
        let counters = RateLimiter::hashmap_with_clock(quota, clock.clone()).with_middleware();
        Self { name, rate, swept: AtomicU64::new(clock.now().0), clock, counters }
    }

    /// How many more calls `key` has, and how long it has to wait when this one was too many.
    fn count(&self, key: &str) -> (u32, Option<Duration>) {
        self.sweep();
        match self.counters.check_key(&key.to_owned()) {
            Ok(snapshot) => (snapshot.remaining_burst_capacity(), None),
            Err(refused) => (0, Some(refused.wait_time_from(self.clock.now()))),
        }
    }

    fn sweep(&self) {
        let (now, swept) = (self.clock.now().0, self.swept.load(Ordering::Relaxed));
        let due = now.saturating_sub(swept) > SWEEP;
        // One of several callers at the same time is enough.
        if due && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.counters.retain_recent();
        }
    }
}

/// The world's clock, as the counters read it.
#[derive(Clone)]
struct WorldClock(World);

/// Nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(u64);

impl Clock for WorldClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(u64::try_from(self.0.now().ms()).unwrap_or(0).saturating_mul(1_000_000))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, span: Nanos) -> Self {
        Self(self.0.saturating_sub(span.into()))
    }
}

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span.into()))
    }
}
