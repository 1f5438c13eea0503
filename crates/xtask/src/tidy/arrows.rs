//! Checks which crate may use which: the picture in ARCHITECTURE.md as a table.

use std::path::Path;

use super::{Violation, files::File};
use crate::workspace::{Dependency, Package};

/// Each crate, and the workspace crates that it may use.
const ARROWS: [(&str, &[&str]); 10] = [
    ("kernel", &[]),
    ("store", &["kernel"]),
    ("provider", &["kernel"]),
    ("vendors", &["provider", "kernel"]),
    ("engine", &["store", "provider", "kernel"]),
    ("app", &["engine", "store", "provider", "kernel"]),
    ("server", &["engine", "provider", "kernel"]),
    ("trunkline", &["server", "app", "vendors", "engine", "store", "provider", "kernel"]),
    ("testkit", &["server", "app", "vendors", "engine", "store", "provider", "kernel"]),
    // Only the benchmark needs some of our crates; behind a feature they do not slow every other command down.
    ("xtask", OPTIONAL_FOR_XTASK),
];

const OPTIONAL_FOR_XTASK: &[&str] = &["server", "app", "vendors", "engine", "store", "provider", "kernel"];

/// The crates that a product built on Trunkline may use.
const FOR_PRODUCTS: &[&str] = &["trunkline", "engine", "store", "kernel"];
/// The folder of such products.
const PRODUCTS: &str = "examples/";

/// A crate that only tests may use.
const TESTKIT: &str = "testkit";
/// Crates that may be used in tests only: the tests of the surfaces serve a small product of their own, which has
/// tables.
const FOR_TESTS: [(&str, &str); 1] = [("server", "store")];

pub(super) fn check(packages: &[Package], files: &[File], relative: impl Fn(&Path) -> String) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in packages {
        let manifest = relative(&package.manifest_path);
        let of_ours = ARROWS.iter().find(|(name, _)| *name == package.name).map(|(_, allowed)| *allowed);
        let of_a_product = manifest.starts_with(PRODUCTS).then_some(FOR_PRODUCTS);
        let Some(allowed) = of_ours.or(of_a_product) else {
            let message = format!(
                "{} is not one of the ten crates: put the code into one of them, or write a decision and add the crate \
                 to ARCHITECTURE.md and to crates/xtask/src/tidy/arrows.rs",
                package.name
            );
            violations.push(Violation::new(&manifest, 1, message));
            continue;
        };
        let ours = package.dependencies.iter().filter(|dependency| is_ours(&dependency.name));
        for dependency in ours {
            if let Some(message) = objection(&package.name, allowed, dependency) {
                violations.push(Violation::new(&manifest, line(files, &manifest, dependency), message));
            }
        }
    }
    violations
}

fn is_ours(name: &str) -> bool {
    ARROWS.iter().any(|(ours, _)| *ours == name)
}

fn objection(package: &str, allowed: &[&str], dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    let for_tests = dependency.kind.as_deref() == Some("dev");
    if for_tests && (name == TESTKIT || FOR_TESTS.contains(&(package, name))) {
        return None;
    }
    if package == "xtask" && allowed.contains(&name) && !dependency.optional && !for_tests {
        return Some(format!(
            "xtask may use {name} only for the benchmark: make it optional, behind the feature `bench`"
        ));
    }
    if allowed.contains(&name) {
        return None;
    }
    let why = match (package, name) {
        ("app", "vendors") => "a feature knows no vendor; ask for what you need through a trait of `provider`",
        ("vendors", "app") => "a vendor knows no feature; the two meet only in `trunkline`",
        ("server", "app") => "the server knows no feature; it serves the registry",
        (_, TESTKIT) => "only tests may use it; move it to [dev-dependencies]",
        _ => "the arrows in ARCHITECTURE.md do not allow it; move the code, or write a decision for a new arrow",
    };
    Some(format!("{package} must not depend on {name}: {why}"))
}

/// Returns the line of the manifest that names the dependency, below the heading of its kind.
fn line(files: &[File], manifest: &str, dependency: &Dependency) -> usize {
    let Some(file) = files.iter().find(|file| file.path == manifest) else { return 1 };
    let heading = match dependency.kind.as_deref() {
        Some("dev") => "[dev-dependencies",
        Some("build") => "[build-dependencies",
        _ => "[dependencies",
    };
    let lines = file.text.lines().enumerate().skip_while(|(_, line)| !line.starts_with(heading));
    let mut named = lines.filter(|(_, line)| {
        let key = line.split(['.', '=', ' ']).next().unwrap_or_default();
        key == dependency.name || line.contains(&format!("dependencies.{}]", dependency.name))
    });
    named.next().map_or(1, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(package: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let manifest = format!("crates/{package}/Cargo.toml");
        let files = [File::new(&manifest, &format!("[dependencies]\nserde = \"1\"\n{dependency}.workspace = true\n"))];
        let package = Package {
            name: package.into(),
            manifest_path: manifest.into(),
            dependencies: vec![Dependency { name: dependency.into(), kind: kind.map(str::to_owned), optional: false }],
        };
        let found = check(&[package], &files, |path| path.to_string_lossy().into_owned());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_feature_must_not_know_a_vendor_nor_a_vendor_a_feature() {
        assert_eq!(
            violations("app", "vendors", None),
            ["crates/app/Cargo.toml:3: app must not depend on vendors: a feature knows no vendor; ask for what you \
                 need through a trait of `provider`"]
        );
        assert_eq!(violations("vendors", "app", None).len(), 1);
    }

    #[test]
    fn the_server_must_not_know_a_feature() {
        assert_eq!(violations("server", "app", None).len(), 1);
        assert_eq!(violations("server", "store", None).len(), 1);
        assert_eq!(violations("server", "engine", None), [""; 0]);
    }

    #[test]
    fn the_testkit_is_for_tests() {
        assert_eq!(violations("engine", "testkit", None).len(), 1);
        assert_eq!(violations("engine", "testkit", Some("dev")), [""; 0]);
        assert_eq!(violations("testkit", "trunkline", None).len(), 1);
    }

    #[test]
    fn the_benchmark_must_not_slow_the_other_commands_down() {
        assert_eq!(violations("xtask", "engine", None).len(), 1);
    }

    #[test]
    fn an_eleventh_crate_needs_a_decision() {
        assert_eq!(violations("helpers", "serde", None).len(), 1);
    }
}
