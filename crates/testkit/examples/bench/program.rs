//! The servers that are measured: processes of their own.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::http::get;

/// A server on the same machine. It does not outlive this.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// How long it took from its start until it was ready.
    pub(crate) ready: Duration,
}

impl Program {
    /// The real binary.
    pub(crate) async fn binary(file: &Path, database: &str, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let began = Instant::now();
        let child = Command::new(file)
            .args(["serve", "--listen", &address.to_string(), "--database-url", database])
            .env("TRUNKLINE_LOG", "warn")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn()?;
        let mut program = Self { child, address, ready: Duration::ZERO };
        while get(address, "/health/ready").await.is_err() {
            anyhow::ensure!(began.elapsed() < Duration::from_secs(30), "the server does not start");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        program.ready = began.elapsed();
        Ok(program)
    }

    /// A server of this benchmark, which says its address and ends with its standard input.
    pub(crate) fn own(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut first = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut first)?;
        Ok(Self { child, address: first.trim().parse()?, ready: Duration::ZERO })
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator does, and waits for it.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        match self.child.stdin.take() {
            Some(input) => drop(input),
            None => drop(Command::new("kill").arg(self.child.id().to_string()).status()?),
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Whoever is in a hurry does not wait for open connections. An error means that it has ended.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
