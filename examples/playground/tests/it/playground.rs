//! A playground in a process of its own, whose memory can be measured.

use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use testkit::TestDb;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::script::told;

pub(crate) struct Playground {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Playground {
    /// Starts one, and waits until it is ready.
    pub(crate) async fn start(database: &TestDb) -> Self {
        let told = told(database);
        let words: Vec<_> = told["command"].as_array().into_iter().flatten().filter_map(|word| word.as_str()).collect();
        let variables = told["env"].as_object().expect("it has an environment");
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear().stdin(Stdio::null());
        command.envs(variables.iter().map(|(name, value)| (name, value.as_str().unwrap_or_default())));
        let address = words[words.len() - 1].parse().expect("it has an address");
        let mut playground = Self { child: command.spawn().expect("it starts"), address };
        while !playground.is_ready().await {
            let ended = playground.child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the playground ended instead of serving: {ended:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        playground
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address).await else { return false };
        let asked = stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).await.is_ok() && answer.starts_with("HTTP/1.1 200 ")
    }

    /// Returns the greatest memory that it used, in megabytes; zero where the system does not report it.
    pub(crate) fn most_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = most.and_then(|most| most.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or_default() / 1024
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
