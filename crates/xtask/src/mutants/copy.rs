//! Copies the sources, and gives every guard in the copy a switch.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    Mutant,
    guards::{self, GUARDS, Guard},
    statements,
};
use crate::workspace::Workspace;

/// The parts that are copied.
const PARTS: [&str; 6] = ["crates", "examples", "docs", "Cargo.toml", "Cargo.lock", ".env.example"];
/// Folders that are never copied.
const LEFT_OUT: [&str; 2] = ["target", "node_modules"];

/// The code by which the copy checks whether a guard is switched off. It is added to the crate that all others use.
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

/// Writes the copy. Returns its folder, and the guards that can be switched off in it.
pub(super) fn make(workspace: &Workspace) -> Result<(PathBuf, Vec<Mutant>)> {
    let mut files = Files::default();
    for part in PARTS {
        files.read(&workspace.root, Path::new(part)).with_context(|| format!("cannot read {part}"))?;
    }
    let mut mutants = guards::mutants(&workspace.root)?;
    files.0.insert("crates/kernel/src/mutant.rs".into(), SWITCH.into());
    files.change("crates/kernel/src/lib.rs", |text| Ok(format!("{text}\npub mod mutant;\n")))?;
    // Cargo distinguishes the copy's crates from our own by their version, because both are built in one folder.
    files.change("Cargo.toml", |text| Ok(text.replacen("\nversion = \"0.", "\nversion = \"99.", 1)))?;
    for guard in GUARDS {
        files.change(guard.file, |text| switchable(guard, &text))?;
    }
    for feature in features(&workspace.root)? {
        files.change(&format!("crates/app/src/{feature}/store.rs"), |text| {
            let (text, found) = statements::switchable(&feature, &text);
            mutants.extend(found);
            Ok(text)
        })?;
    }
    let target = workspace.target.join("mutants/source");
    files.write(&target)?;
    mutants.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((target, mutants))
}

fn switchable(guard: &Guard, text: &str) -> Result<String> {
    ensure!(
        text.matches(guard.before).count() == 1,
        "the guard {:?} is not once in {}: say in crates/xtask/src/mutants/guards.rs what it is now",
        guard.name,
        guard.file
    );
    Ok(text.replace(guard.before, guard.after))
}

/// Returns the features that have statements.
fn features(root: &Path) -> Result<Vec<String>> {
    let mut features = Vec::new();
    for entry in fs::read_dir(root.join("crates/app/src"))? {
        let folder = entry?.path();
        if let (Some(name), true) = (folder.file_name(), folder.join("store.rs").is_file()) {
            features.push(name.to_string_lossy().into_owned());
        }
    }
    features.sort();
    Ok(features)
}

/// The content of the copy, by path from the root.
#[derive(Default)]
struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    fn read(&mut self, root: &Path, path: &Path) -> Result<()> {
        let there = root.join(path);
        if there.is_file() {
            self.0.insert(path.to_owned(), fs::read(there)?);
            return Ok(());
        }
        for entry in fs::read_dir(there)? {
            let name = entry?.file_name();
            if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                self.read(root, &path.join(name))?;
            }
        }
        Ok(())
    }

    fn change(&mut self, path: &str, rewrite: impl FnOnce(String) -> Result<String>) -> Result<()> {
        let bytes = self.0.get_mut(Path::new(path)).with_context(|| format!("there is no {path}"))?;
        *bytes = rewrite(String::from_utf8(bytes.clone())?)?.into();
        Ok(())
    }

    /// Writes the files. Files that are unchanged keep their times, so that they are not compiled again; others are
    /// removed.
    fn write(&self, target: &Path) -> Result<()> {
        let mut there = Self::default();
        if target.is_dir() {
            there.read(target, Path::new(""))?;
        }
        for path in there.0.keys().filter(|path| !self.0.contains_key(*path)) {
            fs::remove_file(target.join(path)).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        for (relative, bytes) in &self.0 {
            let path = target.join(relative);
            if there.0.get(relative) == Some(bytes) {
                continue;
            }
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
