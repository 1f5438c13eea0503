//! Rate limits: of one caller, of one organization, and of one operation by one caller. Counted in this process.
//!
//! A caller is an API key, a person, or the network address where nobody is signed in. The allowance of a window
//! returns evenly over the window (GCRA), so that a caller never waits for a whole window.

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
/// How often counters with their whole allowance are deleted, in nanoseconds.
const SWEEP: u64 = 60_000_000_000;

/// A number of calls in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The number of calls, at once or spread.
    pub calls: NonZeroU32,
    /// The length of the window. Less than a nanosecond for each call counts as one.
    pub window: Duration,
}

/// The rate limits; none means unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For one API key, one person, or one network address where nobody is signed in.
    pub caller: Option<Rate>,
    /// For all callers of one organization.
    pub organization: Option<Rate>,
    /// For one operation by one caller.
    pub operation: Option<Rate>,
}

impl Rate {
    /// Creates a rate of `calls` in a minute. Zero counts as one.
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

/// The counters of this process.
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

    /// Counts a call of `operation`. A refused call is not counted for its organization.
    pub(crate) fn call(&self, who: &Who, address: Option<IpAddr>, operation: &str) -> RateLimitState {
        let caller = caller(who, address);
        let mut rate_limits = RateLimitState::default();
        let of_operation = format!("{operation} {caller}");
        let organization = who.organization.as_ref().map(ToString::to_string);
        rate_limits.count(self.caller.as_ref(), &caller);
        rate_limits.count(self.operation.as_ref(), &of_operation);
        if let Some(organization) = organization {
            rate_limits.count(self.organization.as_ref(), &organization);
        }
        rate_limits
    }

    /// Counts a call with an invalid token, so that tokens cannot be guessed faster than operations can be called.
    pub(crate) fn stranger(&self, address: Option<IpAddr>) -> RateLimitState {
        let mut rate_limits = RateLimitState::default();
        rate_limits.count(self.caller.as_ref(), &by_address(address));
        rate_limits
    }
}

fn caller(who: &Who, address: Option<IpAddr>) -> String {
    match &who.identity {
        Identity::Anonymous => by_address(address),
        identity @ (Identity::Token(_) | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_)) => identity.key(),
    }
}

fn by_address(address: Option<IpAddr>) -> String {
    match address {
        // The holder of one IPv6 address usually has its whole /64 network.
        Some(IpAddr::V6(address)) => format!("address:{:x}", address.to_bits() >> 64),
        Some(IpAddr::V4(address)) => format!("address:{address}"),
        None => "address".to_owned(),
    }
}

/// The result of all limits for one call.
#[derive(Debug, Default)]
pub(crate) struct RateLimitState {
    lines: Vec<LimitState>,
    wait: Option<Duration>,
}

/// The result of one limit.
#[derive(Debug)]
struct LimitState {
    name: &'static str,
    rate: Rate,
    remaining: u32,
    reset: Duration,
}

impl RateLimitState {
    fn count(&mut self, limit: Option<&Limit>, key: &str) {
        let Some(limit) = limit.filter(|_| self.wait.is_none()) else { return };
        let (remaining, wait) = limit.count(key);
        let used = limit.rate.calls.get().saturating_sub(remaining);
        let reset = limit.rate.each().saturating_mul(used);
        self.lines.push(LimitState { name: limit.name, rate: limit.rate, remaining, reset });
        self.wait = wait;
    }

    /// Returns an error when the call is over a limit.
    ///
    /// # Errors
    /// `RateLimited`, with the time after which the call may be tried again.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(wait) = self.wait else { return Ok(()) };
        let message = "too many calls in a short time: wait as long as Retry-After says";
        Err(Error::new(Code::RateLimited, "rate_limited", message).retry_after(wait))
    }

    /// Writes the headers of the IETF's draft on RateLimit header fields.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let (mut policy, mut state) = (String::new(), String::new());
        for line in &self.lines {
            let comma = if policy.is_empty() { "" } else { ", " };
            let (name, calls, window) = (line.name, line.rate.calls, whole_seconds(line.rate.window));
            let (remaining, reset) = (line.remaining, whole_seconds(line.reset));
            // Writing to a `String` cannot fail.
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

/// Rounds up, so that a caller who waits that long has waited long enough.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

impl Rate {
    /// Returns the time after which one more call is allowed.
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

    /// Returns the number of calls that `key` has left, and the time to wait when this one was over the limit.
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
        // Of several concurrent callers, one deletes the idle counters.
        if due && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.counters.retain_recent();
        }
    }
}

/// The clock of the world, in the form that the counters need.
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
