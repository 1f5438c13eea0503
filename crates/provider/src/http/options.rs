//! The limits of outgoing calls, with the reasons for their defaults.

use std::time::Duration;

use url::Url;

/// A vendor that does not accept a connection in this time is down; the next attempt may reach another of its machines.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for one attempt, from the first byte sent to the last byte received. Payment vendors take up to 20 seconds
/// on bad days.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read: larger than any page of JSON, and small enough to hold in memory.
pub const MAX_BODY: usize = 16 * 1024 * 1024;
/// The number of attempts of one call, the first included. Longer outages are handled by the job that made the call.
pub const ATTEMPTS: u32 = 3;
/// The wait before the second attempt. It doubles with each attempt, and up to half of it is left out at random.
pub const BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait inside a call. When a vendor asks for more, the call ends with an error that says when to call
/// again.
pub const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The number of consecutive failures after which the circuit breaker opens.
pub const BREAKER_FAILURES: u32 = 10;
/// How long the circuit breaker stays open before one call may try again.
pub const BREAKER_PAUSE: Duration = Duration::from_secs(30);

/// The options of outgoing calls. The defaults are the constants of this module.
#[derive(Clone, Debug)]
pub struct Options {
    /// See [`CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// See [`TIMEOUT`]; single calls may ask for another with [`super::Request::timeout`].
    pub timeout: Duration,
    /// See [`MAX_BODY`].
    pub max_body: usize,
    /// See [`ATTEMPTS`].
    pub attempts: u32,
    /// See [`BACKOFF`].
    pub backoff: Duration,
    /// See [`LONGEST_WAIT`].
    pub longest_wait: Duration,
    /// See [`BREAKER_FAILURES`].
    pub breaker_failures: u32,
    /// See [`BREAKER_PAUSE`].
    pub breaker_pause: Duration,
    /// Private hosts that users may address all the same: exact names or addresses.
    pub private_hosts: Vec<String>,
    /// The operator's proxy for calls to vendors. Calls to users' addresses never use it, because it would connect for
    /// us, and its target could not be checked.
    pub proxy: Option<Url>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            max_body: MAX_BODY,
            attempts: ATTEMPTS,
            backoff: BACKOFF,
            longest_wait: LONGEST_WAIT,
            breaker_failures: BREAKER_FAILURES,
            breaker_pause: BREAKER_PAUSE,
            private_hosts: Vec::new(),
            proxy: None,
        }
    }
}
