//! The Rust crate `convex`, in a program of its own.

use std::{path::Path, process::Command};

use testkit::both;

use super::script::{run, standins, told};

#[tokio::test]
async fn the_rust_client_watches_writes_signs_in_and_survives_the_server() {
    let Some(folder) = standins() else { return };
    let program = Path::new(&folder).join("rust/debug/rust-client");
    both(|database| {
        let program = program.clone();
        async move { run(Command::new(program), &told(&database)) }
    })
    .await;
}
