//! How long a signed request is accepted, which limits replays.

use std::time::Duration;

use kernel::{Result, Time};

use super::refusal;

/// The accepted distance between the time of signing and the time of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    past: Duration,
    future: Option<Duration>,
}

impl Window {
    /// Accepts up to `span` in the past and any time in the future, for vendors whose own libraries check the past
    /// only.
    pub const fn past(span: Duration) -> Self {
        Self { past: span, future: None }
    }

    /// Accepts up to `span` in the past or the future.
    pub const fn both(span: Duration) -> Self {
        Self { past: span, future: Some(span) }
    }

    /// Returns how long ago the request may have been signed.
    pub const fn longest_past(self) -> Duration {
        self.past
    }

    /// Returns how far the vendor's clock may be ahead; none when that is not checked.
    pub const fn longest_future(self) -> Option<Duration> {
        self.future
    }

    /// Checks a request that was signed at `signed` and arrived at `arrived`.
    ///
    /// # Errors
    /// `Unauthenticated` outside the window.
    pub fn check(self, signed: Time, arrived: Time) -> Result<()> {
        if arrived.since(signed) > self.past {
            let message = format!("the request was signed more than {} seconds ago", self.past.as_secs());
            return Err(refusal("signature_stale", message));
        }
        match self.future {
            Some(future) if signed.since(arrived) > future => {
                let message = format!("the request is dated more than {} seconds ahead", future.as_secs());
                Err(refusal("signature_premature", message))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_inside_and_hostile_times_do_not_overflow() {
        let window = Window::both(Duration::from_secs(300));
        let now = Time::from_seconds(1_000);
        for inside in [700, 1_000, 1_300] {
            assert!(window.check(Time::from_seconds(inside), now).is_ok(), "{inside}");
        }
        for outside in [i64::MIN, 0, 699, 1_301, i64::MAX] {
            assert!(window.check(Time::from_seconds(outside), now).is_err(), "{outside}");
        }
        assert!(Window::past(Duration::from_secs(300)).check(Time::from_seconds(i64::MAX), now).is_ok());
    }
}
