//! Waiting for what happens by itself.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up: a safety net, not a measurement.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "gave up waiting: {what}");
        sleep(Duration::from_millis(50));
    }
}
