//! The HTTP client against a host that follows a script.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod answers;
mod guarded;
mod host;
mod repetition;
mod secrecy;
mod world;
