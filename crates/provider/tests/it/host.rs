//! A host that sends scripted answers, one per connection, and records the requests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// The reaction of the host to one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Sends these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Closes the connection without an answer.
    Drop,
    /// Sends these bytes, then nothing until the client goes away.
    Silence(Vec<u8>),
}

/// Returns an answer of `status` with a body and more headers.
pub(crate) fn reply(status: u16, headers: &[&str], body: &str) -> Reply {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    Reply::Bytes(format!("{head}{body}").into_bytes())
}

/// Returns `200` with JSON.
pub(crate) fn json(body: &str) -> Reply {
    reply(200, &["content-type: application/json"], body)
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct RecordedRequest {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl RecordedRequest {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(known, _)| known.eq_ignore_ascii_case(name));
        self.head.lines().find(named).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

/// The host. It stops when its test ends.
pub(crate) struct Host {
    port: u16,
    asked: Arc<Mutex<Vec<RecordedRequest>>>,
}

impl Host {
    /// Starts a host that sends `replies` in this order, and repeats the last one.
    pub(crate) async fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let mut replies: VecDeque<Reply> = replies.into_iter().collect();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let reply = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
                tokio::spawn(serve(connection, reply.expect("a reply"), seen.clone()));
            }
        });
        Self { port, asked }
    }

    /// Returns an address whose port nothing listens on.
    pub(crate) async fn nobody() -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Url::parse(&format!("http://127.0.0.1:{port}")).unwrap()
    }

    pub(crate) fn url(&self) -> Url {
        self.url_as("127.0.0.1")
    }

    pub(crate) fn url_as(&self, name: &str) -> Url {
        Url::parse(&format!("http://{name}:{}/v1", self.port)).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<RecordedRequest> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut connection: TcpStream, reply: Reply, seen: Arc<Mutex<Vec<RecordedRequest>>>) {
    let Some(asked) = read(&mut connection).await else { return };
    seen.lock().unwrap().push(asked);
    match reply {
        Reply::Bytes(bytes) => {
            // The client may hang up early, on a body that it finds too large.
            let _ = connection.write_all(&bytes).await;
            let _ = connection.shutdown().await;
        }
        Reply::Drop => {}
        Reply::Silence(bytes) => {
            let _ = connection.write_all(&bytes).await;
            let _ = connection.read(&mut [0; 1]).await;
        }
    }
}

async fn read(connection: &mut TcpStream) -> Option<RecordedRequest> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            let asked = RecordedRequest { head, body: String::from_utf8(bytes[end + 4..].to_vec()).ok()? };
            let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
            if asked.body.len() >= length {
                return Some(asked);
            }
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
