//! The playground as its clients see it: the unmodified npm package, its React hooks, its HTTP client, the Rust crate, and
//! those that do not mean well.

mod npm;
mod react;
mod script;
