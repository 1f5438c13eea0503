//! The features through their public interface, on both databases. Vendors' events are given as types of `provider`;
//! the parsing of vendors' JSON into these types is tested in `vendors`.

mod billing;
mod connections;
mod customers;
mod deletion;
mod files;
mod identity;
mod inbox;
mod installation;
mod invitations;
mod keys;
mod live;
mod members;
mod messages;
mod people;
mod plans;
mod tables;
mod together;
