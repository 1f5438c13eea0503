//! The HTTP client for vendors, and for addresses that users enter.
//!
//! It does once what every call needs: time-outs, retries where they are safe, `Retry-After`, a circuit breaker, errors
//! that say who can act, traces and metrics without secrets. No vendor writes a retry loop.

mod breaker;
mod call;
mod failure;
mod guard;
mod options;
mod quote;
mod request;
mod response;
mod transport;
mod wait;

use std::{fmt, sync::Arc};

use ::http::Method;
use url::Url;

use breaker::Breaker;

pub use failure::outcome_unknown;
pub use options::{
    ATTEMPTS, BACKOFF, BREAKER_FAILURES, BREAKER_PAUSE, CONNECT_TIMEOUT, LONGEST_WAIT, MAX_BODY, Options, TIMEOUT,
};
pub use request::Request;
pub use response::Response;
pub use transport::Transport;

/// Calls to one vendor with one connection's credentials. Clones share the circuit breaker.
///
/// ```no_run
/// # use provider::http::{Http, Options, Transport};
/// # async fn customer(transport: &Transport, key: &kernel::Secret, id: &str) -> kernel::Result<serde_json::Value> {
/// let base = url::Url::parse("https://api.stripe.com/v1").expect("an address");
/// let http = Http::new(transport, "stripe", base).credential("STRIPE_SECRET_KEY");
/// http.get("/customers/{customer}").segment("customer", id).bearer(key).send().await
/// # }
/// ```
#[derive(Clone)]
pub struct Http {
    vendor: &'static str,
    base: Url,
    credential: Option<&'static str>,
    reach: Reach,
    transport: Transport,
    breaker: Arc<Breaker>,
}

/// Who chose the address, which decides where it may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The operator, in a setting: private addresses are allowed.
    Anywhere,
    /// A user: the address must not lead into our own network.
    Public,
}

impl Http {
    /// Creates a client for `vendor`, at an address that the operator chose. Paths are appended to `base`.
    pub fn new(transport: &Transport, vendor: &'static str, base: Url) -> Self {
        Self::with_reach(transport, vendor, base, Reach::Anywhere)
    }

    /// Creates a client for an address that a user chose. Private, loopback, link-local and other special addresses are
    /// refused, by what the name resolves to at the moment of connecting, unless [`Options::private_hosts`] lists the
    /// host.
    pub fn guarded(transport: &Transport, vendor: &'static str, base: Url) -> Self {
        Self::with_reach(transport, vendor, base, Reach::Public)
    }

    fn with_reach(transport: &Transport, vendor: &'static str, base: Url, reach: Reach) -> Self {
        let breaker = Arc::new(Breaker::new(transport.options(), transport.clock()));
        Self { vendor, base, credential: None, reach, transport: transport.clone(), breaker }
    }

    /// Names the variable to check when the vendor refuses the credentials.
    #[must_use]
    pub fn credential(mut self, variable: &'static str) -> Self {
        self.credential = Some(variable);
        self
    }

    /// Returns a client for another address of the vendor, such as that of a file, with the same restrictions and
    /// circuit breaker.
    #[must_use]
    pub fn at(&self, base: Url) -> Self {
        Self { base, ..self.clone() }
    }

    /// Starts a `GET` of `path`, a template such as `/customers/{customer}`: see [`Request::segment`].
    pub fn get(&self, path: &'static str) -> Request {
        self.request(Method::GET, path)
    }

    /// Starts a `POST` to `path`. It is not retried without [`Request::idempotency_key`].
    pub fn post(&self, path: &'static str) -> Request {
        self.request(Method::POST, path)
    }

    /// Starts a `PUT` to `path`.
    pub fn put(&self, path: &'static str) -> Request {
        self.request(Method::PUT, path)
    }

    /// Starts a `PATCH` of `path`. It is not retried without [`Request::idempotency_key`].
    pub fn patch(&self, path: &'static str) -> Request {
        self.request(Method::PATCH, path)
    }

    /// Starts a `DELETE` of `path`.
    pub fn delete(&self, path: &'static str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Starts a request with any other method.
    pub fn request(&self, method: Method, path: &'static str) -> Request {
        Request::new(self.clone(), method, path)
    }
}

/// Without path and query: a user's address may contain a token there.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("vendor", &self.vendor)
            .field("host", &self.base.host_str().unwrap_or_default())
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}
