//! The folder of a new feature.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use super::capitalised;

/// The files that every feature begins with; the others join when there is something to put into them.
const FILES: [(&str, &str); 3] = [
    ("mod.rs", "//! NAME: what a person does with them, in one sentence.\n\nmod model;\nmod store;\n"),
    ("model.rs", "//! What NAME are: types, and rules that need no I/O, with their tests.\n"),
    ("store.rs", "//! Every SQL statement on NAME, one function each. `$1` is always the organization.\n"),
];

pub(super) fn create(root: &Path, name: &str) -> Result<()> {
    let source = root.join("crates/app/src");
    let folder = source.join(name);
    ensure!(!folder.exists(), "{} exists already", folder.display());
    let library = source.join("lib.rs");
    let text = fs::read_to_string(&library).with_context(|| format!("cannot read {}", library.display()))?;
    let text = with_module(&text, name)?;
    fs::create_dir(&folder)?;
    for (file, skeleton) in FILES {
        fs::write(folder.join(file), skeleton.replace("NAME", &capitalised(name, " ").to_lowercase()))?;
    }
    fs::write(library, text)?;
    println!(
        "\
Written: crates/app/src/{name}/ and its line in lib.rs. What is left:
  1. Say in mod.rs what the feature is; put its types into model.rs.
  2. Its tables: a migration in crates/app/migrations, where every tenant table begins with `org_id`.
  3. Its statements in store.rs.
  4. What it does: queries.rs, mutations.rs, actions.rs, jobs.rs, events.rs, whichever it needs.
  5. Register it in lib.rs, and test it through testkit.
  6. A page in docs/ and a fragment in changelog.d/.
`customers` shows how it looks when it is done."
    );
    Ok(())
}

/// `lib.rs` with one module more, in alphabetical order among the others.
fn with_module(text: &str, name: &str) -> Result<String> {
    let declaration = format!("mod {name};");
    let is_module = |line: &&str| line.starts_with("mod ") || line.starts_with("pub mod ");
    let bare = |line: &str| line.strip_prefix("pub ").unwrap_or(line).to_owned();
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.iter().any(|line| bare(line) == declaration) {
        bail!("lib.rs declares a module {name} already");
    }
    let modules = || lines.iter().enumerate().filter(|(_, line)| is_module(line));
    let later = modules().find(|(_, line)| bare(line) > declaration).map(|(at, _)| at);
    let last = modules().next_back().map(|(at, _)| at + 1);
    let after_head = lines.iter().position(|line| !line.starts_with("//!")).unwrap_or(lines.len());
    match later.or(last) {
        Some(at) => lines.insert(at, &declaration),
        None => drop(lines.splice(after_head..after_head, ["", &declaration])),
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_joins_the_others_in_order() {
        let joined = |text: &str| with_module(text, "customers").unwrap();
        assert_eq!(joined("//! app\n"), "//! app\n\nmod customers;\n");
        assert_eq!(joined("mod billing;\npub mod users;\n"), "mod billing;\nmod customers;\npub mod users;\n");
        assert_eq!(joined("mod billing;\n\nfn f() {}\n"), "mod billing;\nmod customers;\n\nfn f() {}\n");
        assert!(with_module("pub mod customers;\n", "customers").is_err());
    }
}
