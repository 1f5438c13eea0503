//! The engine, on both databases: every sentence here is a promise of the product.

mod cost;
mod crash;
mod cron;
mod drain;
mod fairness;
mod fencing;
mod identity;
mod inbox;
mod jobs;
mod lanes;
mod limits;
mod lists;
mod live;
mod nodes;
mod operations;
mod overload;
mod panics;
mod releases;
mod replays;
mod retention;
mod routes;
mod shop;
mod steps;
mod wake;
