//! The protocol of the Convex clients, spoken by a client of our own that checks what the real ones rely on.

mod authentication;
mod browser;
mod client;
mod hostile;
mod http;
mod mutations;
mod product;
mod queries;
