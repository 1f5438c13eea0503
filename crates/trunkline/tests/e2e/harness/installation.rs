//! An installation: a data folder, a database, an environment, and its commands.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Node, database};

/// The public address of every installation of these tests, which some vendors sign.
pub(crate) const PUBLIC: &str = "https://hooks.example.com";

pub(crate) struct Installation {
    folder: TempDir,
    environment: Vec<(String, String)>,
    postgres: Option<String>,
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Installation {
    /// Creates an installation on a PostgreSQL database or on a SQLite file, with no vendor configured.
    pub(crate) fn new(postgres: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut installation = Self { folder, environment: Vec::new(), postgres: postgres.clone() };
        let data = installation.data().display().to_string();
        std::fs::create_dir(&data).expect("a folder can be made");
        installation.set("TRUNKLINE_DATA", data);
        installation.set("TRUNKLINE_PUBLIC_URL", PUBLIC);
        installation.set("TRUNKLINE_LOG_FORMAT", "json");
        if let Some(url) = postgres {
            installation.set("DATABASE_URL", url);
        }
        installation
    }

    /// Returns the same installation with another variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Returns the data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file with this content beside the data folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the binary with this environment and no other variables.
    pub(crate) fn binary(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts a node and waits until it is ready.
    pub(crate) fn start(&self) -> Node {
        Node::start(self, free_address())
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, b"")
    }

    /// Runs a command with this standard input.
    pub(crate) fn run_with(&self, words: &[&str], input: &[u8]) -> Ran {
        let mut command = self.binary();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it has a standard input");
        // A command that does not read its input may have ended already.
        stdin.write_all(input).unwrap_or_default();
        drop(stdin);
        let output = child.wait_with_output().expect("the command ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("commands speak UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Returns the objects that a command prints with `--json`, one on each line.
    pub(crate) fn json(&self, words: &[&str]) -> Vec<Value> {
        let ran = self.run(&[words, &["--json"]].concat());
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.stderr);
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{words:?}: {error}: {line}"));
        ran.stdout.lines().map(parse).collect()
    }

    /// Returns all events, newest first.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.json(&["events", "list", "--limit", "100000"])
    }

    /// Returns the events with this status.
    pub(crate) fn events_that_are(&self, status: &str) -> Vec<Value> {
        self.json(&["events", "list", "--limit", "100000", "--status", status])
    }

    /// Returns the rows of a statement, read without the product.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        let sqlite = || format!("sqlite:{}", self.data().join("trunkline.db").display());
        database::texts(&self.postgres.clone().unwrap_or_else(sqlite), sql)
    }
}

/// Returns a free port below the range that the system uses for outgoing connections, so that a client of a stopped
/// node neither connects to itself nor takes its port. Each process begins at another port.
pub(super) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    let begin = std::process::id().wrapping_mul(16);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + begin.wrapping_add(step) % COUNT).expect("a port has 16 bits");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}
