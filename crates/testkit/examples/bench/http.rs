//! As much of an HTTP client as a benchmark needs: it must not cost what is measured.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The body of a plain `GET`.
pub(crate) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    Http::open(address).await?.get(path, None).await
}

/// A connection that is used again.
pub(crate) struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Http {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8192) })
    }

    /// The body of a `GET`, as whoever has this token.
    pub(crate) async fn get(&mut self, path: &str, token: Option<&str>) -> anyhow::Result<String> {
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{bearer}\r\n")).await
    }

    /// Calls a mutation or an action, and answers what it answered.
    pub(crate) async fn call(&mut self, kind: &str, token: &str, path: &str, args: &Value) -> anyhow::Result<Value> {
        let body = serde_json::json!({ "path": path, "args": args, "format": "json" }).to_string();
        let answer = self
            .ask(&format!(
                "POST /api/{kind} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await?;
        let mut answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["status"] == "success", "{path}: {answer}");
        Ok(answer["value"].take())
    }

    async fn ask(&mut self, request: &str) -> anyhow::Result<String> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the server closed the connection");
            if let Some(answer) = whole(&self.buffer)? {
                return Ok(answer);
            }
        }
    }
}

/// The body of an answer, when all of it is there.
fn whole(buffer: &[u8]) -> anyhow::Result<Option<String>> {
    let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&buffer[..head])?;
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")).context("an answer without length")?;
    let body = &buffer[head + 4..];
    if body.len() < length.parse()? {
        return Ok(None);
    }
    let body = String::from_utf8(body.to_vec())?;
    ensure!(text.starts_with("HTTP/1.1 200"), "{}: {body}", text.lines().next().unwrap_or_default());
    Ok(Some(body))
}
