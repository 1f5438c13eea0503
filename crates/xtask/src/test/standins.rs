//! What others wrote and judges us: the vendors' own npm packages, which sign what we verify and verify what we sign, and
//! the tools of `npm` and `pip` that judge the REST surface.

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
/// What `pip` installs.
const REQUIREMENTS: &str = "crates/server/tests/python/requirements.txt";

/// Where the list of packages is, when there is one.
pub(crate) fn source(workspace: &Workspace) -> Option<PathBuf> {
    let folder = workspace.root.join("crates/trunkline/tests/node");
    folder.join(FILES[0]).is_file().then_some(folder)
}

/// Installs the packages below `target`, unless exactly these are there already; returns the folder.
pub(crate) fn install(workspace: &Workspace, source: &Path) -> Result<PathBuf> {
    let folder = workspace.target.join("standins");
    let stamp = folder.join("installed");
    let requirements = workspace.root.join(REQUIREMENTS);
    let wanted = contents(source, &requirements)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    let npm = find("npm").context("npm is not on the PATH: install Node 20 or newer")?;
    let python = find("python3").context("python3 is not on the PATH: install Python 3.11 or newer")?;
    remove_folder(&folder)?;
    fs::create_dir_all(&folder)?;
    for file in FILES {
        fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    run(program(npm).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder))?;
    let environment = folder.join("python");
    run(program(python).args(["-m", "venv"]).arg(&environment))?;
    let mut pip = program(environment.join("bin/pip"));
    run(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements))?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}

fn contents(folder: &Path, requirements: &Path) -> Result<String> {
    let files = FILES.iter().map(|file| folder.join(file)).chain([requirements.to_owned()]);
    let texts = files.map(|path| fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display())));
    Ok(texts.collect::<Result<Vec<_>>>()?.concat())
}
