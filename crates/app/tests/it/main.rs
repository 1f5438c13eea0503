//! The features through their public surface, on both databases. What vendors say is told in the words of `provider`;
//! that vendors' JSON is read into these words is tested where it is read.

mod billing;
mod connections;
mod customers;
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
mod together;
