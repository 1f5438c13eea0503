//! The errors of calls without a usable answer.

use std::{error::Error as StdError, time::Duration};

use ::http::Method;
use kernel::{Code, Error, Secret};

use super::guard::Refused;

const OUTCOME: (&str, &str) = ("outcome", "unknown");

/// Returns whether the vendor may have carried out the failed call: the request may have left, and no clear answer
/// came. Such a call must not be repeated unless the vendor recognises repetitions.
pub fn outcome_unknown(error: &Error) -> bool {
    error.facts().iter().any(|(name, value)| (*name, value.as_str()) == OUTCOME)
}

/// The facts about a call that its errors show, and the secrets that they must not show.
#[derive(Debug)]
pub(super) struct About {
    pub(super) vendor: &'static str,
    pub(super) credential: Option<&'static str>,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) secrets: Vec<Secret>,
}

impl About {
    /// Adds the facts that every error of a call carries to `error`.
    pub(super) fn complete(&self, error: Error, doubt: bool) -> Error {
        let request = format!("{} {}", self.method, self.path);
        let error = error.context("vendor", self.vendor).context("request", request.trim_end());
        if doubt { error.context(OUTCOME.0, OUTCOME.1) } else { error }
    }

    /// Returns whether the call may have had an effect at the vendor when no clear answer comes.
    pub(super) fn changes_something(&self) -> bool {
        !self.method.is_safe()
    }
}

/// The reason why there is no answer.
pub(super) enum Failure {
    /// The address, which a user chose, leads into a network that is not public.
    Forbidden,
    /// The request cannot be sent as it is.
    Unsendable(reqwest::Error),
    /// No connection was established: the request certainly did not leave.
    Unreachable(reqwest::Error),
    /// The request may have left, and the connection ended before the answer was complete.
    Dropped(reqwest::Error),
    /// The request may have left, and the answer was not complete in time.
    TimedOut(reqwest::Error),
    /// The answer is larger than the limit.
    TooLarge(usize),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // The address may contain tokens in its path and query.
        let error = error.without_url();
        if is_forbidden(&error) {
            Self::Forbidden
        } else if error.is_builder() {
            Self::Unsendable(error)
        } else if error.is_connect() {
            Self::Unreachable(error)
        } else if error.is_timeout() {
            Self::TimedOut(error)
        } else {
            Self::Dropped(error)
        }
    }
}

impl Failure {
    /// Returns whether the vendor may have received the request.
    pub(super) fn may_have_left(&self) -> bool {
        match self {
            Self::Dropped(_) | Self::TimedOut(_) | Self::TooLarge(_) => true,
            Self::Forbidden | Self::Unsendable(_) | Self::Unreachable(_) => false,
        }
    }

    /// Returns the failure as one word for metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Unsendable(_) => "unsendable",
            Self::Unreachable(_) => "unreachable",
            Self::Dropped(_) => "dropped",
            Self::TimedOut(_) => "timed_out",
            Self::TooLarge(_) => "too_large",
        }
    }

    pub(super) fn into_error(self, about: &About, doubt: bool) -> Error {
        let vendor = about.vendor;
        let error = match self {
            Self::Forbidden => {
                let message = format!(
                    "{vendor}: the address is not a public one; private hosts must be declared by the operator"
                );
                Error::bad_request("address_forbidden", message)
            }
            Self::Unsendable(error) => {
                Error::bad_request("address_unusable", format!("{vendor}: the address cannot be called")).source(error)
            }
            Self::Unreachable(error) => {
                Error::vendor("vendor_unreachable", format!("{vendor} cannot be reached")).source(error)
            }
            Self::Dropped(error) => {
                Error::vendor("vendor_dropped", format!("{vendor} dropped the connection before it answered"))
                    .source(error)
            }
            Self::TimedOut(error) => {
                Error::vendor("vendor_timed_out", format!("{vendor} did not answer in time")).source(error)
            }
            Self::TooLarge(limit) => {
                let message = format!("the answer of {vendor} is larger than {limit} bytes");
                Error::vendor("vendor_too_large", message).never_retry()
            }
        };
        about.complete(error, doubt)
    }
}

/// The error while the circuit breaker is open.
pub(super) fn paused(about: &About, wait: Duration) -> Error {
    let seconds = wait.as_secs().max(1);
    let message = format!("{} failed several times in a row and is left in peace for {seconds} s", about.vendor);
    about.complete(Error::new(Code::Unavailable, "vendor_paused", message).retry_after(wait), false)
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return true;
        }
        cause = error.source();
    }
    false
}
