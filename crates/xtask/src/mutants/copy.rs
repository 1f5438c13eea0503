//! The copy of the sources in which every guard has a switch.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    Mutant,
    guards::{self, GUARDS},
    statements,
};
use crate::workspace::Workspace;

/// What is copied.
const PARTS: [&str; 6] = ["crates", "examples", "docs", "Cargo.toml", "Cargo.lock", ".env.example"];
/// What never is.
const LEFT_OUT: [&str; 2] = ["target", "node_modules"];

/// How the copy asks whether a guard is switched off. It is added to the crate that all others use.
const SWITCH: &str = r#"//! Which guard is switched off. Only the copy of the sources that mutants are made in has this.

use std::sync::LazyLock;

#[expect(clippy::disallowed_methods, reason = "this is no product")]
static MUTANT: LazyLock<String> = LazyLock::new(|| std::env::var("TRUNKLINE_MUTANT").unwrap_or_default());

/// Whether it is this one.
pub fn is(name: &str) -> bool {
    *MUTANT == name
}

/// Whether it is the one of this kind for this name.
pub fn is_of(kind: &str, name: &str) -> bool {
    MUTANT.strip_prefix(kind).and_then(|rest| rest.strip_prefix(' ')) == Some(name)
}

/// A statement, without the clause that is switched off.
pub fn sql(variants: &[(&str, &'static str)], whole: &'static str) -> &'static str {
    variants.iter().find(|(name, _)| is(name)).map_or(whole, |(_, without)| without)
}
"#;

/// Makes the copy. Answers where it is, and the guards that can be switched off in it.
pub(super) fn make(workspace: &Workspace) -> Result<(PathBuf, Vec<Mutant>)> {
    let target = workspace.target.join("mutants/source");
    for part in PARTS {
        let from = workspace.root.join(part);
        copy(&from, &target.join(part)).with_context(|| format!("cannot copy {part}"))?;
    }
    let mut mutants = Vec::new();
    let kernel = target.join("crates/kernel/src");
    write(&kernel.join("mutant.rs"), SWITCH)?;
    change(&kernel.join("lib.rs"), |text| Ok(format!("{text}\npub mod mutant;\n")))?;
    for guard in GUARDS {
        change(&target.join(guard.file), |text| {
            ensure!(
                text.matches(guard.before).count() == 1,
                "the guard {:?} is not once in {}: say in crates/xtask/src/mutants/guards.rs what it is now",
                guard.name,
                guard.file
            );
            Ok(text.replace(guard.before, guard.after))
        })?;
    }
    mutants.extend(guards::mutants(&workspace.root)?);
    for entry in fs::read_dir(workspace.root.join("crates/app/src"))? {
        let entry = entry?;
        let feature = entry.file_name().to_string_lossy().into_owned();
        let store = target.join("crates/app/src").join(&feature).join("store.rs");
        if entry.path().join("store.rs").is_file() {
            change(&store, |text| {
                let (text, found) = statements::switchable(&feature, &text);
                mutants.extend(found);
                Ok(text)
            })?;
        }
    }
    mutants.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((target, mutants))
}

/// Copies a file or a folder. What is there and the same stays as it is, so that it is not compiled again.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        // A guard was rewritten there: the switches are put in again behind this.
        return write_bytes(to, &fs::read(from)?);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
            copy(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

fn change(path: &Path, rewrite: impl FnOnce(String) -> Result<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    write(path, &rewrite(text)?)
}

fn write(path: &Path, text: &str) -> Result<()> {
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
