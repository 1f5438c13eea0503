//! Waits for what happens in the background.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How long anything may take before a test fails: a safety net, not a measurement.
const PATIENCE: Duration = Duration::from_secs(90);

/// Repeats `ask` until it returns a value.
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
