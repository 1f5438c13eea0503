//! `cargo xtask generate`: writes the files that the binary generates.

use std::{fs, process::Command};

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    process::{cargo, output, program, remove_folder, run},
    workspace::Workspace,
};

/// The files that the binary prints, with the arguments of the command.
const PRINTED: [(&str, &[&str]); 2] = [(".env.example", &["env"]), ("docs/openapi.json", &["openapi"])];

/// The folder of the files that `codegen typescript` writes.
const TYPES: &str = "crates/trunkline/tests/typescript/api";

#[derive(Args)]
pub(crate) struct Generate {
    /// Write nothing; fail when a file is out of date.
    #[arg(long)]
    check: bool,
}

impl Generate {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        run(cargo().args(["build", "-p", "trunkline"]).current_dir(&workspace.root))?;
        if self.check { check(&workspace) } else { write(&workspace) }
    }
}

/// Compares the files with the output of the built binary.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let is_stale =
        |file: &Generated| fs::read_to_string(workspace.root.join(&file.path)).ok().as_ref() != Some(&file.text);
    let stale: Vec<_> = generated(workspace)?.into_iter().filter(is_stale).map(|file| file.path).collect();
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask generate` and commit the result", stale.join(", "));
    }
    Ok(())
}

fn write(workspace: &Workspace) -> Result<()> {
    for file in generated(workspace)? {
        let path = workspace.root.join(&file.path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, file.text)?;
        println!("{}", file.path);
    }
    Ok(())
}

/// A generated file, with its expected content.
struct Generated {
    /// The path from the root of the repository.
    path: String,
    text: String,
}

/// Generates all files, without any setting of this machine.
fn generated(workspace: &Workspace) -> Result<Vec<Generated>> {
    let mut files = Vec::new();
    for (path, arguments) in PRINTED {
        files.push(Generated { path: path.to_owned(), text: output(&mut binary(workspace, arguments))? });
    }
    let folder = workspace.target.join("generated");
    remove_folder(&folder)?;
    output(binary(workspace, &["codegen", "typescript", "--out"]).arg(&folder))?;
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let path = format!("{TYPES}/{}", entry.file_name().to_string_lossy());
        files.push(Generated { path, text: fs::read_to_string(entry.path())? });
    }
    files[PRINTED.len()..].sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn binary(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut binary = program(workspace.target.join("debug/trunkline"));
    binary.args(arguments).env_clear().current_dir(&workspace.target);
    binary
}
