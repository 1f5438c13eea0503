//! What the tests take from the machine: its clock, its randomness, a few variables.

use engine::{SystemRandom, World};
use kernel::{Random, Time};

/// Returns the current time.
pub(crate) fn now() -> Time {
    World::system().now()
}

/// Returns a number below `limit`.
pub(crate) fn number(limit: u64) -> u64 {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    u64::from_le_bytes(bytes) % limit.max(1)
}

/// Returns a variable of the environment, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "how a test learns what the machine offers: nobody hands tests settings")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Prints that the running test, or a part of it, is skipped.
#[expect(clippy::print_stderr, reason = "what was not tested must be seen")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED {}: {why}", std::thread::current().name().unwrap_or("a test"));
}
