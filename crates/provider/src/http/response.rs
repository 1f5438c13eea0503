//! A vendor's answer, and the errors that it stands for.

use std::{fmt, sync::Arc, time::Duration};

use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use kernel::{Code, Error, Result};
use serde::de::DeserializeOwned;

use super::{failure::About, quote};

/// A complete answer.
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    pub(super) about: Arc<About>,
    /// The wait that `Retry-After` asks for.
    pub(super) wait: Option<Duration>,
    /// Whether this or an earlier attempt may have had an effect without a clear answer.
    pub(super) doubt: bool,
}

impl Response {
    /// Returns the answer when it is a success (2xx).
    ///
    /// # Errors
    /// The error for the status, with the vendor's message: see [`super::Request::send`].
    pub fn success(self) -> Result<Self> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// Parses the body as JSON; an empty body parses as `null`.
    ///
    /// # Errors
    /// `Vendor` when it is not JSON, or has another structure.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let body: &[u8] = if self.body.is_empty() { b"null" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| {
            let (vendor, secrets) = (self.about.vendor, &self.about.secrets);
            let message = if self.body.is_empty() {
                format!("{vendor} answered nothing where JSON was expected")
            } else if error.is_data() {
                format!("{vendor} answered JSON that we cannot read: {}", quote::complaint(&error, secrets))
            } else {
                format!("{vendor} did not answer JSON: {}", quote::glimpse(body, secrets))
            };
            // Such an answer may not even come from the vendor: proxies on the way answer like this.
            let doubt = self.doubt || self.about.changes_something();
            self.complete(Error::vendor("vendor_nonsense", message), doubt)
        })
    }

    /// Returns the vendor's own message about a refusal: short, and without secrets.
    pub fn message(&self) -> Option<String> {
        quote::message(&self.body, &self.about.secrets)
    }

    pub(super) fn should_be_repeated(&self) -> bool {
        matches!(self.status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            || self.status.is_server_error()
    }

    /// Returns whether a gateway lost the server behind it, so that it is not known whether the server carried out the
    /// request.
    pub(super) fn is_of_a_lost_gateway(&self) -> bool {
        matches!(self.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT)
    }

    fn refusal(&self) -> Error {
        let (vendor, status) = (self.about.vendor, self.status.as_u16());
        let said = self.message().map(|said| format!(": {said}")).unwrap_or_default();
        let error = match status {
            401 | 403 => {
                let check = self.about.credential.map(|name| format!(", check {name}")).unwrap_or_default();
                Error::config("vendor_credentials", format!("{vendor} refused our credentials ({status}){check}{said}"))
            }
            404 | 410 => Error::not_found("vendor_not_found", format!("{vendor} does not have it ({status}){said}")),
            409 => Error::conflict("vendor_conflict", format!("{vendor} refused the request ({status}){said}")),
            429 => Error::new(Code::RateLimited, "vendor_rate_limited", format!("{vendor} is called too often{said}")),
            300..=399 => {
                let message = format!("{vendor} answered with a redirect ({status}), which is not followed");
                Error::vendor("vendor_redirect", message).never_retry()
            }
            408 | 500.. => Error::vendor("vendor_failed", format!("{vendor} failed ({status}){said}")),
            _ => Error::bad_request("vendor_refused", format!("{vendor} refused the request ({status}){said}")),
        };
        let error = match self.wait {
            Some(wait) if self.should_be_repeated() => error.retry_after(wait),
            _ => error,
        };
        self.complete(error, self.doubt && self.should_be_repeated())
    }

    fn complete(&self, error: Error, doubt: bool) -> Error {
        self.about.complete(error.context("status", self.status.as_str()), doubt)
    }
}

/// Without headers and body.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("vendor", &self.about.vendor)
            .field("status", &self.status.as_u16())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
