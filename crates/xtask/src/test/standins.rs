//! The vendors' own npm packages, which sign what we verify and verify what we sign.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    process::{find, program, remove_folder, run},
    workspace::Workspace,
};

const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Where the list of packages is, when there is one.
pub(crate) fn source(workspace: &Workspace) -> Option<PathBuf> {
    let folder = workspace.root.join("crates/trunkline/tests/node");
    folder.join(FILES[0]).is_file().then_some(folder)
}

/// Installs the packages below `target`, unless exactly these are there already; returns the folder.
pub(crate) fn install(workspace: &Workspace, source: &Path) -> Result<PathBuf> {
    let folder = workspace.target.join("standins");
    let stamp = folder.join("installed");
    let wanted = contents(source)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    let npm = find("npm").context("npm is not on the PATH: install Node 20 or newer")?;
    remove_folder(&folder)?;
    fs::create_dir_all(&folder)?;
    for file in FILES {
        fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    run(program(npm).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder))?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}

fn contents(folder: &Path) -> Result<String> {
    let texts = FILES.iter().map(|file| {
        let path = folder.join(file);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    });
    Ok(texts.collect::<Result<Vec<_>>>()?.concat())
}
