//! One error type for what is reported; small enums elsewhere for what is branched on.

use std::{borrow::Cow, fmt, time::Duration};

use serde_json::Value;

/// What the whole product returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, told to the one who can act on it.
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
    /// Nobody knows who is calling.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or it belongs to another organization.
    NotFound,
    /// The state does not allow it now.
    Conflict,
    /// The plan's limit is reached.
    LimitReached,
    /// Too many calls in a short time.
    RateLimited,
    /// This provider or installation cannot do it.
    Unsupported,
    /// A setting is missing or wrong.
    Config,
    /// An outside service failed or answered nonsense.
    Vendor,
    /// Something that we need is down for the moment.
    Unavailable,
    /// Our own mistake.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without a change.
    Never,
    /// Not before this much time has passed.
    After(Duration),
    /// With the usual back-off.
    Soon,
}

impl Error {
    /// An error of `code`; what may be retried follows from the code and can be changed with [`Error::retry_after`].
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

    /// The caller sent something that can never work as it is.
    pub fn bad_request(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, tag, message)
    }

    /// There is no such thing, or it belongs to another organization.
    pub fn not_found(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, tag, message)
    }

    /// The state does not allow it now.
    pub fn conflict(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, tag, message)
    }

    /// A setting is missing or wrong; `message` names it and where its value comes from.
    pub fn config(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Config, tag, message)
    }

    /// An outside service failed or answered nonsense.
    pub fn vendor(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Vendor, tag, message)
    }

    /// Something that we need is down for the moment.
    pub fn unavailable(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unavailable, tag, message)
    }

    /// Our own mistake.
    pub fn internal(tag: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Internal, tag, message)
    }

    /// What a product refuses in its own words: clients are given exactly `data`.
    pub fn application(data: Value) -> Self {
        let mut error = Self::new(Code::BadRequest, "application", data.to_string());
        error.data = Some(Box::new(data));
        error
    }

    /// What this provider or installation cannot do.
    pub fn unsupported(what: &str) -> Self {
        Self::new(Code::Unsupported, "unsupported", format!("this provider does not support {what}"))
    }

    /// The same error, which may be tried again after `wait`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry = Retry::After(wait);
        self
    }

    /// The same error, which must not be tried again as it is.
    #[must_use]
    pub fn never_retry(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// The same error with one more fact. Never put a secret here: it is logged.
    #[must_use]
    pub fn context(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.context.push((name, value.into()));
        self
    }

    /// The same error with its cause, which is logged and never shown to a caller.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// What a product says in its own words: see [`Error::application`].
    pub fn data(&self) -> Option<&Value> {
        self.data.as_deref()
    }

    /// The facts that were added on the way up, oldest first.
    pub fn facts(&self) -> &[(&'static str, String)] {
        &self.context
    }
}

impl Code {
    /// The code as clients see it: `not_found`.
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

/// Many lines: the sentence, the facts, then every cause.
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
