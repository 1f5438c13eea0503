//! `cargo xtask generate`: files that the binary writes itself, so that nothing is typed twice.

use std::fs;

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    process::{cargo, output, program, run},
    workspace::Workspace,
};

/// Each generated file, and what the binary is asked for it.
const FILES: [(&str, &[&str]); 1] = [(".env.example", &["env"])];

#[derive(Args)]
pub(crate) struct Generate {
    /// Write nothing; fail when a file is not what it should be.
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

/// Compares the files with what the built binary says.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut stale = Vec::new();
    for (path, arguments) in FILES {
        let wanted = generated(workspace, arguments)?;
        if !fs::read_to_string(workspace.root.join(path)).is_ok_and(|text| text == wanted) {
            stale.push(path);
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask generate` and commit the result", stale.join(", "));
    }
    Ok(())
}

fn write(workspace: &Workspace) -> Result<()> {
    for (path, arguments) in FILES {
        fs::write(workspace.root.join(path), generated(workspace, arguments)?)?;
        println!("{path}");
    }
    Ok(())
}

/// What the built binary prints, without any setting of this machine.
fn generated(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    let binary = workspace.target.join("debug/trunkline");
    output(program(binary).args(arguments).env_clear().current_dir(&workspace.target))
}
