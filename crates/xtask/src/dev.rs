//! `cargo xtask dev`: builds the binary and runs it as a development server.

use std::{os::unix::process::CommandExt, process::Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::{process, workspace::Workspace};

#[derive(Args)]
pub(crate) struct Dev {
    /// Passed on to `trunkline dev`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Dev {
    /// Replaces this process by the server, so that Ctrl-C reaches the server.
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let mut command = process::cargo();
        command.args(["run", "-p", "trunkline", "--", "dev"]).args(self.arguments);
        command.current_dir(workspace.root).stdin(Stdio::inherit()).env_remove("LC_ALL");
        Err(command.exec()).context("cannot start cargo")
    }
}
