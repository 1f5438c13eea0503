//! The engine, on both databases: every sentence here is a promise of the product.

mod crash;
mod cron;
mod domain_events;
mod drain;
mod fairness;
mod fenced_jobs;
mod fencing;
mod identity;
mod inbox;
mod jobs;
mod lanes;
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
mod same;
mod several_handlers;
mod shop;
mod steps;
mod wake;
