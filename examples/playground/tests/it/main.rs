//! The playground as its clients see it: the unmodified npm package, its React hooks, its HTTP client, the Rust crate, and
//! those that do not mean well.

mod hostile;
mod lazy;
mod npm;
mod playground;
mod react;
mod rust;
mod script;
mod socket;
