//! The harness of the tests: an installation with a folder and a database of its own, its nodes, a small HTTP client.

mod cluster;
mod database;
mod environment;
mod http;
mod installation;
mod node;
mod standins;
mod wait;

pub(crate) use cluster::Cluster;
pub(crate) use database::{both, postgres, sqlite};
pub(crate) use environment::{now, number, skipped, variable};
pub(crate) use http::{Answer, Client, Request, read};
pub(crate) use installation::{Installation, PUBLIC, Ran};
pub(crate) use node::{Node, pause};
pub(crate) use standins::Standins;
pub(crate) use wait::eventually;
