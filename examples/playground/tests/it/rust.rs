//! The Rust crate `convex`, in a program of its own.

use std::process::Command;

use testkit::both;

use super::script::{run, standins, told};

/// The path at which `cargo xtask test` builds it.
const PROGRAM: &str = "rust/debug/rust-client";

#[tokio::test]
async fn the_rust_client_watches_writes_signs_in_and_survives_the_server() {
    let Some(folder) = standins(PROGRAM) else { return };
    both(|database| {
        let program = Command::new(folder.join(PROGRAM));
        async move { run(program, &told(&database)) }
    })
    .await;
}
