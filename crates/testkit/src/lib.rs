//! The harness of tests: both databases, a clock that tests move, deterministic randomness, an
//! installation in one process, and nodes that can be killed.
//!
//! ```no_run
//! # async fn test() {
//! use testkit::{App, both, minutes};
//!
//! both(|database| async move {
//!     let app = App::start(&database, |_handlers| {}).await;
//!     app.deliver("stripe", testkit::event("evt_1", "invoice.paid", "{}")).await.unwrap();
//!     app.clock.advance(minutes(5));
//!     app.run_jobs().await;
//! })
//! .await;
//! # }
//! ```

mod app;
mod database;
mod hand;
mod node;
mod scripted;
mod sweeps;
mod tokens;
mod world;

pub use app::{App, event};
pub use database::{TestDb, both, postgres, sqlite};
pub use hand::Hand;
pub use node::Node;
pub use scripted::Scripted;
pub use sweeps::assert_sweeps_read_what_they_delete;
pub use tokens::Tokens;
pub use world::{TestClock, TestRandom, days, hours, milliseconds, minutes, seconds};
