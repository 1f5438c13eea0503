//! Waiting for what happens by itself.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up: a safety net, not a measurement.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks until there is an answer.
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask)
}

/// The same, with another patience.
pub(crate) fn eventually_within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "gave up waiting: {what}");
        sleep(Duration::from_millis(50));
    }
}
