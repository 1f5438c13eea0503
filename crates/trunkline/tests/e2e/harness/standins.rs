//! The vendors' own packages, in a Node process.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{skipped, variable};

/// The variable with the folder in which `cargo xtask test` installed them.
const STANDINS: &str = "TRUNKLINE_STANDINS";

pub(crate) struct Standins {
    folder: PathBuf,
}

impl Standins {
    /// Finds them. Without them a test is skipped, except where everything must run.
    pub(crate) fn find() -> Option<Self> {
        let missing = match (variable(STANDINS), Command::new("node").arg("--version").output()) {
            (None, _) => {
                format!("{STANDINS} is not set: `cargo xtask test` installs the vendors' packages and sets it")
            }
            (Some(_), Err(error)) => format!("node cannot be run: {error}"),
            (Some(folder), Ok(_)) => return Some(Self { folder: folder.into() }),
        };
        assert!(variable("CI").is_none(), "{missing}");
        skipped(&missing);
        None
    }

    /// Returns their folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns a tool that needs Python. Without it a test is skipped, except where everything must run.
    pub(crate) fn python(&self, name: &str) -> Option<PathBuf> {
        let tool = self.folder.join("python/bin").join(name);
        if tool.exists() {
            return Some(tool);
        }
        let missing = format!("{name} is not installed: `cargo xtask test` does it where Python 3.11 is");
        assert!(variable("CI").is_none(), "{missing}");
        skipped(&missing);
        None
    }

    /// Returns the headers with which the packages would send these requests.
    pub(crate) fn sign(&self, requests: &[Value]) -> Vec<Value> {
        self.run(include_str!("../../node/sign.mjs"), requests)
    }

    /// Returns the packages' verdicts on these requests.
    pub(crate) fn verify(&self, requests: &[Value]) -> Vec<Value> {
        self.run(include_str!("../../node/verify.mjs"), requests)
    }

    /// Returns tokens that the package jose created, each with its key.
    pub(crate) fn mint(&self, requests: &[Value]) -> Vec<Value> {
        self.run(include_str!("../../node/mint.mjs"), requests)
    }

    /// Runs a script that finds the packages.
    pub(crate) fn run(&self, script: &str, requests: &[Value]) -> Vec<Value> {
        let mut command = Command::new("node");
        command.args(["--input-type=module", "--eval", script]).current_dir(&self.folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
        let mut input = child.stdin.take().expect("it has a standard input");
        let lines: Vec<_> = requests.iter().map(ToString::to_string).collect();
        // The input fits into the pipe, so that the output need not be read meanwhile.
        input.write_all(lines.join("\n").as_bytes()).expect("node reads");
        drop(input);
        let output = child.wait_with_output().expect("node ends");
        assert!(output.status.success(), "node failed: {}", output.status);
        let said = String::from_utf8(output.stdout).expect("node speaks UTF-8");
        let answers: Vec<_> = said.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
        assert_eq!(answers.len(), requests.len(), "{said}");
        answers
    }
}
