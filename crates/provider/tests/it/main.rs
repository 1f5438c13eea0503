//! The HTTP client against a host with scripted answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod answers;
mod guarded;
mod host;
mod repetition;
mod secrecy;
mod world;
