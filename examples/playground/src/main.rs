//! A product on Trunkline: the standard server, with a few tables and operations of its own.
//!
//! The tests of the live protocol use it too. `docs/extending.md` explains it.

mod items;
mod kv;
mod people;
mod util;

use std::{process::ExitCode, sync::Arc};

use engine::Registry;
use store::{Migration, MigrationSet};
use trunkline::Product;

const TABLES: MigrationSet = MigrationSet {
    name: "playground",
    migrations: &[Migration::portable("0001_items", include_str!("../migrations/0001_items.sql"))],
};

fn main() -> ExitCode {
    Product::new("playground").tables(TABLES).operations(register).directory(Arc::new(people::Everybody)).run()
}

fn register(registry: &mut Registry) {
    items::register(registry);
    kv::register(registry);
    people::register(registry);
    util::register(registry);
}
