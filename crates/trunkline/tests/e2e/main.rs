//! The real binary, as its users and attackers see it: over HTTP, from the terminal, with official clients, on both
//! databases, stopped and killed.

mod harness;

mod backups;
mod challenges;
mod commands;
mod dev;
mod document;
mod durability;
mod files;
mod flows;
mod issuers;
mod jobs;
mod judges;
mod limits;
mod nodes;
mod operations;
mod outage;
mod payloads;
mod process;
mod sockets;
mod storm;
mod surfaces;
mod typescript;
mod vendors;
mod webhooks;
