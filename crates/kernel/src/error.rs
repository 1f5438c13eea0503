//! The error type that every crate reports; outcomes that the code branches on are small enums elsewhere.

use std::{borrow::Cow, fmt, time::Duration};

use serde_json::Value;

/// The result type of the whole product.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, worded for the person who can act on it.
pub struct Error {
    /// Decides the HTTP status, the exit code of the CLI and whether a job tries again.
    pub code: Code,
    /// A stable name such as `customer_limit_reached`, for clients, tests and metrics.
    pub tag: &'static str,
    /// One sentence for the person who can act.
    pub message: Cow<'static, str>,
    retry: Retry,
    context: Vec<(&'static str, String)>,
    data: Option<Box<Value>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The caller sent something that can never work as it is.
    BadRequest,
    /// The caller is not authenticated.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// The object does not exist, or it belongs to another organization.
    NotFound,
    /// The current state does not allow the call.
    Conflict,
    /// The plan's limit is reached.
    LimitReached,
    /// Too many calls in a short time.
    RateLimited,
    /// The provider or the installation does not support the call.
    Unsupported,
    /// A setting is missing or wrong.
    Config,
    /// An external service failed, or its answer could not be understood.
    Vendor,
    /// A service that Trunkline depends on is not available at the moment.
    Unavailable,
    /// A defect in Trunkline itself.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without a change to the call or to its settings.
    Never,
    /// Not before this duration has passed.
    After(Duration),
    /// With the usual backoff.
    Soon,
}

impl Error {
    /// Creates an error of `code`. Whether it may be retried follows from the code; [`Error::retry_after`] changes
    /// that.
    pub fn new(code: Code, tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let retry = match code {
            Code::RateLimited | Code::Vendor | Code::Unavailable | Code::Internal => Retry::Soon,
            Code::BadRequest
            | Code::Unauthenticated
            | Code::Forbidden
            | Code::NotFound
            | Code::Conflict
            | Code::LimitReached
            | Code::Unsupported
            | Code::Config => Retry::Never,
        };
        Self { code, tag, message: message.into(), retry, context: Vec::new(), data: None, source: None }
    }

    /// Creates a `BadRequest`: the caller sent something that can never work as it is.
    pub fn bad_request(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, tag, message)
    }

    /// Creates a `NotFound`: the object does not exist, or it belongs to another organization.
    pub fn not_found(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, tag, message)
    }

    /// Creates a `Conflict`: the current state does not allow the call.
    pub fn conflict(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, tag, message)
    }

    /// Creates a `Config` error: a setting is missing or wrong. `message` names the setting and says where its value
    /// comes from.
    pub fn config(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Config, tag, message)
    }

    /// Creates a `Vendor` error: an external service failed, or its answer could not be understood.
    pub fn vendor(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Vendor, tag, message)
    }

    /// Creates an `Unavailable` error: a service that Trunkline depends on is not available at the moment.
    pub fn unavailable(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unavailable, tag, message)
    }

    /// Creates an `Internal` error: a defect in Trunkline itself.
    pub fn internal(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Internal, tag, message)
    }

    /// Creates a refusal that a product words itself: clients receive exactly `data`.
    pub fn application(data: Value) -> Self {
        let mut error = Self::new(Code::BadRequest, "application", data.to_string());
        error.data = Some(Box::new(data));
        error
    }

    /// Creates an `Unsupported` error: the provider or the installation cannot do `what`.
    pub fn unsupported(what: &str) -> Self {
        Self::new(Code::Unsupported, "unsupported", format!("this provider does not support {what}"))
    }

    /// Returns the error, marked as retryable after `wait`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry = Retry::After(wait);
        self
    }

    /// Returns the error, marked as not retryable.
    #[must_use]
    pub fn never_retry(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// Returns the error with one more fact. Facts are logged, so that a fact must never hold a secret.
    #[must_use]
    pub fn context(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.context.push((name, value.into()));
        self
    }

    /// Returns the error with its cause, which is logged and never shown to a caller.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// Returns the data of an error that was made with [`Error::application`].
    pub fn data(&self) -> Option<&Value> {
        self.data.as_deref()
    }

    /// Returns the facts that were added on the way up, oldest first.
    pub fn facts(&self) -> &[(&'static str, String)] {
        &self.context
    }
}

impl Code {
    /// Returns the code as clients see it: `not_found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::LimitReached => "limit_reached",
            Self::RateLimited => "rate_limited",
            Self::Unsupported => "unsupported",
            Self::Config => "config",
            Self::Vendor => "vendor",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Writes several lines: the message, the facts, then every cause.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message, self.code.as_str(), self.tag)?;
        for (name, value) in &self.context {
            write!(f, "\n  {name}: {value}")?;
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, "\n  because: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_may_heal_are_retried() {
        assert_eq!(Error::unavailable("database_down", "the database is down").retry(), Retry::Soon);
        assert_eq!(Error::bad_request("name_empty", "the name is empty").retry(), Retry::Never);
    }

    #[test]
    fn debug_tells_facts_and_causes_and_display_only_the_sentence() {
        let error = Error::vendor("stripe_down", "Stripe did not answer")
            .context("connection", "con_1")
            .source(std::io::Error::other("reset"));
        assert_eq!(error.to_string(), "Stripe did not answer");
        assert_eq!(
            format!("{error:?}"),
            "Stripe did not answer (vendor, stripe_down)\n  connection: con_1\n  because: reset"
        );
    }
}
