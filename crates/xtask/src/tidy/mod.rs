//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md, checked in the sources.
//!
//! Each check is a function from texts to violations, so that a unit test can break every rule.

mod arrows;
mod code;
mod documents;
mod files;
mod ids;
mod lints;
mod migrations;
mod rust;
mod sql;
mod tenants;

use std::{collections::BTreeSet, fmt, path::Path};

use anyhow::{Result, bail};

use self::files::File;
use crate::workspace::Workspace;

/// A violated rule: the place, what is wrong, and how to correct it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    message: String,
}

impl Violation {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    check(&Workspace::load()?)
}

/// Prints every violation; returns an error when there is one.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let files = files::read(&workspace.root)?;
    let mut violations = in_files(&files);
    violations.extend(arrows::check(&workspace.packages, &files, |path| workspace.relative(path)));
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        1 => bail!("one thing is not tidy"),
        many => bail!("{many} things are not tidy"),
    }
}

/// Returns the tenant tables of the features.
pub(crate) fn tenant_tables(root: &Path) -> Result<BTreeSet<String>> {
    let mut files = files::read(root)?;
    files.retain(|file| file.path.starts_with("crates/app/"));
    Ok(tenants::tables(&files))
}

/// Runs all checks that need only the files.
fn in_files(files: &[File]) -> Vec<Violation> {
    let sources = rust::read(files);
    let tenants = tenants::tables(files);
    let mut violations = Vec::new();
    for source in &sources {
        violations.extend(code::check(source));
        violations.extend(sql::check(source));
        violations.extend(tenants::check(source, &tenants));
    }
    violations.extend(ids::check(&sources));
    for file in files.iter().filter(|file| file.has_extension("md")) {
        violations.extend(documents::links(file, |path| files::exists(files, path)));
        violations.extend(documents::decision(file));
        violations.extend(documents::fragment(file));
    }
    violations.extend(migrations::check(files));
    violations.extend(lints::check(files));
    violations
}
