//! The playground, as a process that can be killed.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

pub struct Server {
    pub address: String,
    pub tokens: Vec<String>,
    told: Value,
    child: Option<Child>,
}

impl Server {
    pub fn told(text: &str) -> Result<Self> {
        let told: Value = serde_json::from_str(text)?;
        let address = format!("http://127.0.0.1:{}", told["port"]);
        let tokens = texts(&told["tokens"]);
        Ok(Self { address, tokens, told, child: None })
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(&mut self) -> Result<()> {
        let words = texts(&self.told["command"]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().stdin(Stdio::null());
        for (name, value) in self.told["env"].as_object().context("an environment")? {
            command.env(name, value.as_str().unwrap_or_default());
        }
        let mut child = command.spawn()?;
        while !self.is_ready() {
            ensure!(child.try_wait()?.is_none(), "the server ended instead of serving");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.child = Some(child);
        Ok(())
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address.trim_start_matches("http://"))?;
            stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill().unwrap_or_default();
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
