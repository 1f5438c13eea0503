//! The numbers, and why they are what they are.

use std::time::Duration;

use url::Url;

/// A vendor that cannot be reached in this time is down; the next attempt may find another of its machines.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One attempt, from the first byte out to the last byte in. Payment vendors take up to 20 seconds on bad days.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read: more than any page of JSON, less than what hurts.
pub const MAX_BODY: usize = 16 * 1024 * 1024;
/// How often one call is tried, the first time included. What lasts longer is for the job that made the call.
pub const ATTEMPTS: u32 = 3;
/// The wait before the second attempt, doubled before each further one, less up to half by chance.
pub const BACKOFF: Duration = Duration::from_millis(500);
/// The longest wait inside a call. A vendor that asks for more gets it: the call ends with an error that says when.
pub const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// After so many failed attempts in a row the circuit breaker opens.
pub const BREAKER_FAILURES: u32 = 10;
/// How long the circuit breaker stays open before one call may try again.
pub const BREAKER_PAUSE: Duration = Duration::from_secs(30);

/// What can be set about outgoing calls. The defaults are the constants of this module.
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
    /// Hosts that users may address although they are private: exact names or addresses.
    pub private_hosts: Vec<String>,
    /// The operator's proxy for calls to vendors. Calls to users' addresses never take it: it would connect for us,
    /// and we could not see whereto.
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
