//! A client that is as strict as the real ones: the chain of versions must be unbroken, and every member present.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

/// The session of the first client; others differ in its last digits.
pub(crate) const SESSION: &str = "5c1f1e9c-7a0e-4d0e-9a51-0e8b2d1f3a77";

pub(crate) struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    version: Value,
    query_set: u32,
    identity: u32,
    chunks: String,
    /// The answers that are shown: a value, or `{"error": …, "data": …}`.
    pub(crate) shown: BTreeMap<u64, Value>,
    pub(crate) journals: BTreeMap<u64, Value>,
}

/// The code and the reason with which a connection was closed.
pub(crate) type End = Option<(u16, String)>;

impl Client {
    /// Opens a connection without sending anything.
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Self {
        let request = format!("ws://{address}{path}").into_client_request().expect("the server speaks the protocol");
        let (stream, _) = tokio_tungstenite::connect_async(request).await.expect("the server speaks the protocol");
        let version = json!({ "querySet": 0, "identity": 0, "ts": text(0) });
        let (shown, journals) = (BTreeMap::new(), BTreeMap::new());
        Self { stream, version, query_set: 0, identity: 0, chunks: String::new(), shown, journals }
    }

    /// Sends `Connect` in the first session.
    pub(crate) async fn hello(&mut self) {
        self.hello_from(SESSION, None).await;
    }

    pub(crate) async fn hello_from(&mut self, session: &str, observed: Option<u64>) {
        let mut hello = json!({
            "type": "Connect",
            "sessionId": session,
            "connectionCount": 0,
            "lastCloseReason": "InitialConnect",
            "clientTs": 0,
        });
        if let Some(observed) = observed {
            hello["maxObservedTimestamp"] = text(observed);
        }
        self.say(&hello).await;
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        // The server may have closed the connection; its last messages are still to be read.
        self.stream.send(message).await.unwrap_or_default();
    }

    /// Subscribes to a query.
    pub(crate) async fn add(&mut self, id: u32, path: &str, args: Value) {
        self.modify(json!([{ "type": "Add", "queryId": id, "udfPath": path, "args": [args] }])).await;
    }

    pub(crate) async fn modify(&mut self, modifications: Value) {
        let (base, new) = (self.query_set, self.query_set + 1);
        self.query_set = new;
        self.say(&json!({
            "type": "ModifyQuerySet",
            "baseVersion": base,
            "newVersion": new,
            "modifications": modifications,
        }))
        .await;
    }

    /// Authenticates with a token; none signs out.
    pub(crate) async fn authenticate(&mut self, token: Option<&str>) {
        let mut message = json!({ "type": "Authenticate", "baseVersion": self.identity, "tokenType": "None" });
        if let Some(token) = token {
            message["tokenType"] = json!("User");
            message["value"] = json!(token);
        }
        self.identity += 1;
        self.say(&message).await;
    }

    pub(crate) async fn mutate(&mut self, id: u32, path: &str, args: Value) {
        self.say(&json!({ "type": "Mutation", "requestId": id, "udfPath": path, "args": [args] })).await;
    }

    pub(crate) async fn act(&mut self, id: u32, path: &str, args: Value) {
        self.say(&json!({ "type": "Action", "requestId": id, "udfPath": path, "args": [args] })).await;
    }

    /// Returns the next message that is no ping. Transitions change what is shown.
    pub(crate) async fn next(&mut self) -> Value {
        let next = async {
            loop {
                match self.heard().await {
                    Ok(message) if message["type"] == "Ping" => {}
                    Ok(message) => return message,
                    Err(end) => panic!("the connection has ended: {end:?}"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), next).await.expect("the server says something in time")
    }

    /// Returns the next transition, which must be the next message.
    pub(crate) async fn transition(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], "Transition", "{message}");
        message
    }

    /// Waits for the answer to a mutation, then for a transition that shows it.
    pub(crate) async fn transition_after_answer(&mut self) {
        let answer = self.next().await;
        assert_eq!(answer["success"], true, "{answer}");
        self.transition().await;
    }

    /// Reads until this value is shown.
    pub(crate) async fn until(&mut self, id: u64, value: Value) {
        while self.shown.get(&id) != Some(&value) {
            self.next().await;
        }
    }

    /// Reads until this many pings have arrived.
    pub(crate) async fn hears_pings(&mut self, times: usize) {
        for _ in 0..times {
            while self.heard().await.expect("the connection lives")["type"] != "Ping" {}
        }
    }

    /// Reads until the connection is closed.
    pub(crate) async fn end(&mut self) -> (Vec<Value>, End) {
        let mut messages = Vec::new();
        loop {
            match self.heard().await {
                Ok(message) => messages.push(message),
                Err(end) => return (messages, end),
            }
        }
    }

    /// Returns whether no message arrives for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(200), self.heard()).await.is_err()
    }

    async fn heard(&mut self) -> Result<Value, End> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(20), self.stream.next()).await;
            match message.expect("the server says something in time") {
                Some(Ok(Message::Text(text))) => {
                    if let Some(message) = self.read(&text) {
                        return Ok(message);
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                }
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    fn read(&mut self, text: &str) -> Option<Value> {
        let message: Value = serde_json::from_str(text).expect("the server speaks the protocol");
        match message["type"].as_str().expect("the server speaks the protocol") {
            "TransitionChunk" => {
                self.chunks.push_str(message["chunk"].as_str().expect("the server speaks the protocol"));
                if message["partNumber"].as_u64().expect("the server speaks the protocol") + 1
                    < message["totalParts"].as_u64().expect("the server speaks the protocol")
                {
                    return None;
                }
                let whole = std::mem::take(&mut self.chunks);
                return self.read(&whole);
            }
            "Transition" => self.apply(&message),
            "MutationResponse" => {
                assert_eq!(message["ts"].is_string(), message["success"] == true, "{message}");
                assert!(message["logLines"].is_array(), "{message}");
            }
            "ActionResponse" => assert!(message["logLines"].is_array(), "{message}"),
            "AuthError" | "Ping" => {}
            other => panic!("no client knows {other}"),
        }
        assert!(self.chunks.is_empty() || message["type"] == "Ping", "something came between chunks");
        Some(message)
    }

    fn apply(&mut self, transition: &Value) {
        assert_eq!(transition["startVersion"], self.version, "the chain is broken");
        let (before, after) = (number(&self.version["ts"]), number(&transition["endVersion"]["ts"]));
        assert!(after >= before && after < 1 << 63, "time goes on, but not too far");
        self.version = transition["endVersion"].clone();
        for modification in transition["modifications"].as_array().expect("the server speaks the protocol") {
            let id = modification["queryId"].as_u64().expect("the server speaks the protocol");
            if modification["type"] == "QueryRemoved" {
                self.shown.remove(&id);
                continue;
            }
            assert!(modification["logLines"].is_array(), "{modification}");
            self.journals.insert(id, modification["journal"].clone());
            let shown = match modification["type"].as_str() {
                Some("QueryUpdated") => modification["value"].clone(),
                Some("QueryFailed") => {
                    let mut failed = json!({ "error": modification["errorMessage"] });
                    if let Some(data) = modification.get("errorData") {
                        failed["data"] = data.clone();
                    }
                    failed
                }
                other => panic!("no client knows {other:?}"),
            };
            self.shown.insert(id, shown);
        }
    }

    /// Returns the timestamp that is shown.
    pub(crate) fn ts(&self) -> u64 {
        number(&self.version["ts"])
    }
}

/// Encodes a number as the protocol does.
pub(crate) fn text(number: u64) -> Value {
    BASE64.encode(&number.to_le_bytes()).into()
}

/// Decodes such a number.
pub(crate) fn number(text: &Value) -> u64 {
    u64::from_le_bytes(
        BASE64
            .decode(text.as_str().expect("the server speaks the protocol").as_bytes())
            .expect("the server speaks the protocol")
            .try_into()
            .expect("the server speaks the protocol"),
    )
}
