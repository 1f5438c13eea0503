//! External software that the tests use: the vendors' own npm packages, which sign what we verify and verify what we
//! sign, tools from npm and PyPI that test the REST surface, and a program with the clients' Rust crate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    process::{cargo, find, program, remove_folder, run, succeeds},
    workspace::Workspace,
};

const FILES: [&str; 2] = ["package.json", "package-lock.json"];
/// The packages for `pip`.
const REQUIREMENTS: &str = "crates/server/tests/python/requirements.txt";

/// The program with the Rust crate, in a workspace of its own.
const RUST_CLIENT: &str = "examples/playground/tests/rust/Cargo.toml";

/// Returns the folder with the list of npm packages, when it exists.
pub(crate) fn source(workspace: &Workspace) -> Option<PathBuf> {
    let folder = workspace.root.join("crates/trunkline/tests/node");
    folder.join(FILES[0]).is_file().then_some(folder)
}

/// Installs all of them below `target`; returns the folder.
pub(crate) fn install(workspace: &Workspace, source: &Path) -> Result<PathBuf> {
    let folder = packages(workspace, source)?;
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--manifest-path", RUST_CLIENT, "--target-dir"]);
    run(build.arg(folder.join("rust")).current_dir(&workspace.root))?;
    Ok(folder)
}

/// Installs the packages, unless the same versions are installed already.
fn packages(workspace: &Workspace, source: &Path) -> Result<PathBuf> {
    let folder = workspace.target.join("standins");
    let stamp = folder.join("installed");
    let wanted = contents(FILES.map(|file| source.join(file)))?;
    if is_installed(&stamp, &wanted) {
        return Ok(folder);
    }
    let npm = find("npm").context("npm is not on the PATH: install Node 20 or newer")?;
    fs::create_dir_all(&folder)?;
    for file in FILES {
        fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    run(program(npm).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder))?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}

/// Returns a Python that can install packages.
///
/// # Errors
/// What to install.
pub(crate) fn python() -> Result<PathBuf> {
    const FITS: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    find("python3")
        .filter(|python| succeeds(program(python).args(["-c", FITS])))
        .context("there is no Python 3.11 or newer with venv: install it (on Debian the package python3-venv)")
}

/// Installs the Python tools, unless the same versions are installed already.
pub(crate) fn install_with(python: &Path, workspace: &Workspace) -> Result<()> {
    let environment = workspace.target.join("standins/python");
    let stamp = environment.join("installed");
    let requirements = workspace.root.join(REQUIREMENTS);
    let wanted = contents([requirements.clone()])?;
    if is_installed(&stamp, &wanted) {
        return Ok(());
    }
    remove_folder(&environment)?;
    run(program(python).args(["-m", "venv"]).arg(&environment))?;
    let mut pip = program(environment.join("bin/pip"));
    run(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements))?;
    fs::write(stamp, wanted)?;
    Ok(())
}

fn is_installed(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|installed| installed == wanted)
}

fn contents(files: impl IntoIterator<Item = PathBuf>) -> Result<String> {
    let read = |path: PathBuf| fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()));
    Ok(files.into_iter().map(read).collect::<Result<Vec<_>>>()?.concat())
}
