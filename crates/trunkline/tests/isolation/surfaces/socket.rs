//! A client of the live-query socket. It makes one call at a time, and records everything that it receives.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use engine::{Description, Kind};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{Answer, prefix, refusal};
use crate::world::Somebody;

/// An authenticated connection.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    query_set: u64,
    queries: u64,
    requests: u64,
    chunks: String,
    closed: bool,
    /// The current answers, by the numbers of the subscriptions.
    shown: BTreeMap<u64, Result<Value, (String, String)>>,
}

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Socket {
    /// Opens a connection with a session of its own.
    pub(crate) async fn open(address: SocketAddr, who: &Somebody) -> Self {
        static SESSIONS: AtomicU64 = AtomicU64::new(1);
        let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
        Self::open_as(address, who, &format!("5c1f1e9c-7a0e-4d0e-9a51-{session:012x}")).await
    }

    pub(crate) async fn open_as(address: SocketAddr, who: &Somebody, session: &str) -> Self {
        let url = format!("ws://{address}{}/api/1.48.0/sync", prefix(who));
        let tcp = TcpStream::connect(address).await.expect("the server takes a connection");
        // Small messages follow each other here: none must wait for the acknowledgement of the one before.
        tcp.set_nodelay(true).expect("a socket has this option");
        let (stream, _) = tokio_tungstenite::client_async(url, tcp).await.expect("the server speaks the protocol");
        let mut socket = Self {
            stream,
            query_set: 0,
            queries: 0,
            requests: 0,
            chunks: String::new(),
            closed: false,
            shown: BTreeMap::new(),
        };
        let hello = json!({
            "type": "Connect", "sessionId": session, "connectionCount": 0, "lastCloseReason": null, "clientTs": 0,
        });
        socket.say(&hello).await;
        if let Some(shown) = &who.shows {
            socket.say(&json!({ "type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": shown })).await;
        }
        socket
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Makes a call, and waits for the answer.
    pub(crate) async fn call(&mut self, operation: &Description, arguments: &Value) -> Answer {
        match operation.kind {
            Kind::Query => {
                let id = self.watch(operation.name, arguments, None).await;
                let answer = self.shown(id).await;
                self.change(json!([{ "type": "Remove", "queryId": id }])).await;
                answer
            }
            Kind::Mutation => self.request("Mutation", operation, arguments).await,
            Kind::Action => self.request("Action", operation, arguments).await,
        }
    }

    /// Subscribes to a query, and returns its number.
    pub(crate) async fn watch(&mut self, operation: &str, arguments: &Value, journal: Option<&str>) -> u64 {
        self.queries += 1;
        let id = self.queries;
        let mut add = json!({ "type": "Add", "queryId": id, "udfPath": operation, "args": [arguments] });
        if let Some(journal) = journal {
            add["journal"] = json!(journal);
        }
        self.change(json!([add])).await;
        id
    }

    /// Waits for the next answer of a subscription.
    pub(crate) async fn shown(&mut self, id: u64) -> Answer {
        let mut heard = String::new();
        loop {
            let Some(message) = self.heard(&mut heard).await else { return ended(heard) };
            let shown = message["modifications"].as_array().into_iter().flatten();
            if shown.into_iter().any(|shown| shown["queryId"] == id)
                && let Some(outcome) = self.state(id)
            {
                return Answer { outcome, text: heard };
            }
        }
    }

    /// Returns the current answer of a subscription.
    pub(crate) fn state(&self, id: u64) -> Option<Result<Value, (String, String)>> {
        self.shown.get(&id).cloned()
    }

    /// Returns the journal beside an answer.
    pub(crate) fn journal(answer: &Answer) -> Option<String> {
        let line = answer.text.lines().last()?;
        let message: Value = serde_json::from_str(line).ok()?;
        let mut journals = message["modifications"].as_array()?.iter().filter_map(|shown| shown["journal"].as_str());
        journals.next_back().map(str::to_owned)
    }

    async fn request(&mut self, kind: &str, operation: &Description, arguments: &Value) -> Answer {
        let id = self.requests;
        self.requests += 1;
        self.say(&json!({ "type": kind, "requestId": id, "udfPath": operation.name, "args": [arguments] })).await;
        let mut heard = String::new();
        loop {
            let Some(message) = self.heard(&mut heard).await else { return ended(heard) };
            if message["requestId"] == id && message["success"].is_boolean() {
                let outcome = match message["success"] == true {
                    true => Ok(message["result"].clone()),
                    false => Err(refusal(&message)),
                };
                return Answer { outcome, text: heard };
            }
        }
    }

    async fn change(&mut self, modifications: Value) {
        let base = self.query_set;
        self.query_set += 1;
        let new = self.query_set;
        let message = json!({
            "type": "ModifyQuerySet", "baseVersion": base, "newVersion": new, "modifications": modifications,
        });
        self.say(&message).await;
    }

    async fn say(&mut self, message: &Value) {
        // The server may have closed the connection of a refused caller; what it sent before is still to be read.
        self.stream.send(Message::text(message.to_string())).await.unwrap_or_default();
    }

    /// Returns the next message; none when the connection has ended.
    async fn heard(&mut self, heard: &mut String) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let Some(Ok(message)) = next.expect("the server says something in time") else {
                self.closed = true;
                return None;
            };
            let Message::Text(text) = message else { continue };
            heard.push_str(&text);
            heard.push('\n');
            let mut message: Value = serde_json::from_str(&text).expect("the server speaks JSON");
            if message["type"] == "TransitionChunk" {
                self.chunks.push_str(message["chunk"].as_str().expect("a piece"));
                if message["partNumber"].as_u64().expect("a number") + 1
                    < message["totalParts"].as_u64().expect("a number")
                {
                    continue;
                }
                let whole = std::mem::take(&mut self.chunks);
                heard.push_str(&whole);
                heard.push('\n');
                message = serde_json::from_str(&whole).expect("the pieces are JSON");
            }
            self.note(&message);
            return Some(message);
        }
    }

    fn note(&mut self, message: &Value) {
        for shown in message["modifications"].as_array().into_iter().flatten() {
            let id = shown["queryId"].as_u64().expect("a number");
            match shown["type"].as_str() {
                Some("QueryUpdated") => self.shown.insert(id, Ok(shown["value"].clone())),
                Some("QueryFailed") => self.shown.insert(id, Err(refusal(shown))),
                _ => self.shown.remove(&id),
            };
        }
    }
}

/// The server closed the connection, as it does for callers whose token or key is invalid.
fn ended(heard: String) -> Answer {
    let code = if heard.contains("AuthError") { "unauthenticated" } else { "closed" };
    Answer { outcome: Err((code.to_owned(), String::new())), text: heard }
}
