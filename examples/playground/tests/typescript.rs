//! The types that a product's own `codegen typescript` generates contain its operations too.

use std::{
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

#[test]
fn a_front_end_of_the_product_is_typed_from_its_operations() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path();
    let mut codegen = Command::new(env!("CARGO_BIN_EXE_playground"));
    succeeds(codegen.args(["codegen", "typescript", "--out", "api"]).current_dir(folder));
    let made = std::fs::read_to_string(folder.join("api/api.d.ts")).expect("it was made");
    assert!(made.starts_with("// Made by `playground codegen typescript`: do not edit.\n"), "{made}");
    let Some(packages) = packages() else { return };
    symlink(Path::new(&packages).join("node_modules"), folder.join("node_modules")).expect("a link can be made");
    std::fs::write(folder.join("usage.ts"), include_str!("typescript/usage.ts")).expect("a file can be written");
    let words = "--strict --noEmit --target es2022 --module esnext --moduleResolution bundler --lib es2022,dom \
                 --types react usage.ts";
    succeeds(Command::new("node_modules/.bin/tsc").args(words.split_whitespace()).current_dir(folder));
}

/// Returns the folder with the packages. Without it that part is skipped, except where everything must run.
#[expect(clippy::disallowed_methods, reason = "tests are told by their runner where things are")]
fn packages() -> Option<String> {
    let folder = std::env::var("TRUNKLINE_STANDINS").ok();
    assert!(folder.is_some() || std::env::var("CI").is_err(), "`cargo xtask test` installs the packages");
    folder
}

fn succeeds(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    assert!(status.success(), "{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
}
