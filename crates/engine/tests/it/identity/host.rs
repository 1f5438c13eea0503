//! An issuer's host with a scripted answer, which counts its requests.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::signer::Signer;

/// The host. It stops when its test ends.
#[derive(Clone)]
pub(crate) struct Host {
    port: u16,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone)]
pub(crate) enum Answer {
    /// A status and a body.
    Says(u16, String),
    /// No answer, however long the client waits.
    Silence,
}

impl Host {
    pub(crate) async fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Self { port, answer: Arc::new(Mutex::new(answer)), asked: Arc::default() };
        let served = host.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(connection));
            }
        });
        host
    }

    /// Starts a host that publishes the keys of these signers.
    pub(crate) async fn with(signers: &[&Signer]) -> Self {
        Self::new(keys(signers)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/keys", self.port)
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn serve(self, mut connection: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if connection.read_buf(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Long enough for others to send a request too, if they do.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Says(status, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                // A client that gave up has closed the connection.
                let _ = connection.write_all(format!("{head}{body}").as_bytes()).await;
                let _ = connection.shutdown().await;
            }
            Answer::Silence => std::future::pending().await,
        }
    }
}

/// Returns the answer with the keys of these signers.
pub(crate) fn keys(signers: &[&Signer]) -> Answer {
    Answer::Says(200, set(signers).to_string())
}

pub(crate) fn set(signers: &[&Signer]) -> Value {
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk.clone()).collect();
    json!({ "keys": keys })
}
