//! The playground with its clients: the unmodified npm package, its React hooks, its HTTP client, the Rust crate, and
//! hostile clients.

mod hostile;
mod lazy;
mod npm;
mod playground;
mod react;
mod rust;
mod script;
mod socket;
