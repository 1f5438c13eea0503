//! Checks that clippy still enforces invariant 7.

use super::{Violation, files::File};

const DISALLOWED: [&str; 8] = [
    "std::time::SystemTime::now",
    "jiff::Timestamp::now",
    "std::env::var",
    "std::env::vars",
    "reqwest::Client::new",
    "reqwest::Client::builder",
    "uuid::Uuid::new_v4",
    "uuid::Uuid::now_v7",
];

/// Workspace lints that the rules rely on, as they stand in the root's Cargo.toml.
const DENIED: [&str; 3] = ["unsafe_code", "allow_attributes", "unwrap_used"];

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
    let mut violations = Vec::new();
    for method in DISALLOWED {
        if !text("clippy.toml").contains(&format!("path = \"{method}\", reason")) {
            let message =
                format!("{method} must stay in disallowed-methods, with a reason: time, chance and HTTP are injected");
            violations.push(Violation::new("clippy.toml", 1, message));
        }
    }
    for lint in DENIED {
        if !text("Cargo.toml").contains(&format!("{lint} = \"deny\"")) {
            let message = format!("the lint {lint} must stay on \"deny\"");
            violations.push(Violation::new("Cargo.toml", 1, message));
        }
    }
    for file in files.iter().filter(|file| file.path.starts_with("crates/") && file.name() == "Cargo.toml") {
        if !file.text.contains("[lints]\nworkspace = true") {
            let message = "the crate does not use the workspace's lints: add `[lints]` with `workspace = true`";
            violations.push(Violation::new(&file.path, 1, message));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(methods: &[&str], lints: &[&str], member: &str) -> [File; 3] {
        let methods = methods.iter().map(|method| format!("{{ path = \"{method}\", reason = \"x\" }},\n"));
        let lints = lints.iter().map(|lint| format!("{lint} = \"deny\"\n"));
        [
            File::new("clippy.toml", &methods.collect::<String>()),
            File::new("Cargo.toml", &lints.collect::<String>()),
            File::new("crates/app/Cargo.toml", member),
        ]
    }

    #[test]
    fn every_rule_that_clippy_holds_is_still_there() {
        assert!(check(&files(&DISALLOWED, &DENIED, "[lints]\nworkspace = true\n")).is_empty());
        assert_eq!(check(&files(&DISALLOWED[1..], &DENIED[1..], "[dependencies]\n")).len(), 3);
    }
}
