//! The store, on both databases.

mod close;
mod errors;
mod file;
mod leaving;
mod limits;
mod migrations;
mod outage;
mod permissions;
mod pooler;
mod tables;
mod tenants;
mod transactions;
