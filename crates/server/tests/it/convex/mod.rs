//! The protocol of the Convex clients, tested with a client of our own that checks what the real ones rely on.

mod authentication;
mod browser;
mod client;
mod hostile;
mod http;
mod mutations;
mod product;
mod queries;
