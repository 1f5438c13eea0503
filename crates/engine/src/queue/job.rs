//! A kind of work in the background: typed, durable, run until it is done.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use store::BoxFuture;

use super::JobCtx;

/// Something to do in the background: the struct is the payload.
///
/// A job runs at least once: a crash after its work and before its end is recorded runs it again.
#[async_trait]
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name in the queue. Never change it: jobs outlive releases.
    const NAME: &'static str;
    /// The version of the payload. Raise it with every change that old payloads do not fit, and write [`Job::upgrade`].
    const VERSION: i64 = 1;
    /// Attempts before it is given up.
    const MAX_ATTEMPTS: i64 = super::enqueue::MAX_ATTEMPTS;
    /// How long one attempt may take. One that takes longer is ended and counts as failed; it is tried again as after any
    /// other failure. Work that takes longer than minutes is better cut into jobs that follow one another.
    const TIMEOUT: Duration = TIMEOUT;
    /// At most so many of this kind at a time, over all nodes; none for no limit. For a limit on a connection or a phone
    /// number see [`super::NewJob::throttle`]; where both are given, both hold.
    const AT_ONCE: Option<u32> = None;

    /// Does it.
    ///
    /// # Errors
    /// An error whose [`kernel::Error::retry`] allows it is tried again with back-off; any other gives the job up.
    /// [`snooze`] is not a failure: the job runs again later, as if this attempt had not been.
    async fn run(self, ctx: &JobCtx) -> Result<()>;

    /// Brings the payload of an older version up to date.
    ///
    /// # Errors
    /// `Unsupported` where no older version is known (the default): the job is given up and can be retried later.
    fn upgrade(version: i64, _payload: serde_json::Value) -> Result<serde_json::Value> {
        Err(Error::unsupported(&format!("version {version} of the job {}", Self::NAME)))
    }
}

/// The tag of [`snooze`].
pub(crate) const SNOOZED: &str = "snoozed";

/// Returned from a job or the handler of an event as its error, lets it run again after `wait`, at no attempt: for what is
/// not there yet, such as a file that a vendor is still making. What it wrote in its own transaction is undone.
///
/// It holds its lane back meanwhile. A job that never stops to snooze runs for ever: look at its age.
pub fn snooze(wait: Duration) -> Error {
    Error::unavailable(SNOOZED, "it is not time yet: it runs again later").retry_after(wait)
}

/// How long one attempt may take, where nothing else is said.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);

/// A job type without its type.
#[derive(Clone)]
pub(crate) struct Erased {
    /// The highest version of the payload that it understands.
    pub version: i64,
    /// How long one attempt may take.
    pub timeout: Duration,
    pub run: Run,
}

/// Reads the payload of a version, and runs it.
type Run = Arc<dyn Fn(i64, String, JobCtx) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A kind of job that is known by what runs it.
pub(crate) fn erased<F>(version: i64, timeout: Duration, run: F) -> Erased
where
    F: Fn(i64, String, JobCtx) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
{
    Erased { version, timeout, run: Arc::new(run) }
}

/// Reads the payload, upgrades it where it is old, runs it.
pub(crate) fn erase<J: Job>() -> Erased {
    erased(J::VERSION, J::TIMEOUT, |version, payload, ctx| {
        Box::pin(async move {
            let unreadable = |error: serde_json::Error| {
                Error::bad_request("job_payload", format!("the payload is not one of {}: {error}", J::NAME))
            };
            let mut value: serde_json::Value = serde_json::from_str(&payload).map_err(unreadable)?;
            if version != J::VERSION {
                value = J::upgrade(version, value)?;
            }
            let job: J = serde_json::from_value(value).map_err(unreadable)?;
            job.run(&ctx).await
        })
    })
}
