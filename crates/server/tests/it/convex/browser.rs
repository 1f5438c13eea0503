//! The unmodified npm package `convex`, in a Node process.

use std::{path::PathBuf, process::Output};

use testkit::both;
use tokio::process::Command;

use super::product::Product;

#[tokio::test]
async fn the_npm_package_watches_writes_signs_in_and_comes_back_after_a_cut() {
    let Some(folder) = packages() else { return };
    both(|database| {
        let folder = folder.clone();
        async move {
            let product = Product::start(&database).await;
            run(&folder, include_str!("browser.mjs"), &product.address.to_string()).await;
            product.stop().await;
        }
    })
    .await;
}

async fn run(folder: &PathBuf, script: &str, address: &str) {
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", script, address]).current_dir(folder).kill_on_drop(true);
    let Output { status, stdout, stderr } = node.output().await.expect("node starts");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}");
}

/// The folder in which `cargo xtask test` installed the packages. Without it the test is skipped, and prints so.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "nobody hands tests their settings")]
fn packages() -> Option<PathBuf> {
    let missing = match std::env::var("TRUNKLINE_STANDINS") {
        Ok(folder) if PathBuf::from(&folder).join("node_modules/convex").exists() => return Some(folder.into()),
        Ok(folder) => format!("the package convex is not in {folder}"),
        Err(_) => "`cargo xtask test` installs the package convex and sets TRUNKLINE_STANDINS".to_owned(),
    };
    assert!(std::env::var("CI").is_err(), "{missing}");
    eprintln!("left out: {missing}");
    None
}
