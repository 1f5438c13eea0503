//! Connections to a playground below the level of the clients: one that keeps the protocol, and one that can send any
//! bytes.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use super::playground::Playground;

/// A limit that is far longer than any answer takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(100);

/// Returns the first message of a connection.
pub(crate) fn hello() -> Value {
    json!({
        "type": "Connect", "sessionId": "5c1f1e9c-7a0e-4d0e-9a51-0e8b2d1f3a77", "connectionCount": 0,
        "lastCloseReason": "InitialConnect", "clientTs": 0,
    })
}

/// Returns a subscription to one query, as number 0 and the first of its connection.
pub(crate) fn watch(path: &str, args: &Value) -> Value {
    let add = json!({ "type": "Add", "queryId": 0, "udfPath": path, "args": [args] });
    json!({ "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [add] })
}

/// A client that watches the value of a key.
pub(crate) struct Watcher {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    key: String,
    writes: u32,
}

impl Watcher {
    pub(crate) async fn open(playground: &Playground, key: &str) -> Self {
        let address = format!("ws://{}/api/1.48.0/sync", playground.address);
        let (stream, _) = tokio_tungstenite::connect_async(address).await.expect("a connection opens");
        let mut watcher = Self { stream, key: key.to_owned(), writes: 0 };
        watcher.say(&hello()).await;
        watcher.say(&watch("kv:get", &json!({ "key": key }))).await;
        watcher.sees(&Value::Null).await;
        watcher
    }

    /// Writes a new value, and waits until it is shown.
    pub(crate) async fn lives(&mut self) {
        let v = json!(self.writes);
        self.write(&v).await;
        self.sees(&v).await;
    }

    pub(crate) async fn write(&mut self, v: &Value) {
        let args = json!([{ "key": self.key, "v": v }]);
        let request = self.writes;
        self.writes += 1;
        self.say(&json!({ "type": "Mutation", "requestId": request, "udfPath": "kv:set", "args": args })).await;
    }

    /// Changes its other subscriptions.
    pub(crate) async fn change(&mut self, modifications: Value) {
        let message = json!({
            "type": "ModifyQuerySet", "baseVersion": 1, "newVersion": 2, "modifications": modifications,
        });
        self.say(&message).await;
    }

    /// Reads until this value is shown.
    pub(crate) async fn sees(&mut self, value: &Value) {
        let is_shown = |message: &Value| {
            let modifications = message["modifications"].as_array();
            modifications.into_iter().flatten().any(|modification| &modification["value"] == value)
        };
        self.hears(is_shown).await;
    }

    /// Reads until a ping arrives.
    pub(crate) async fn hears_a_ping(&mut self) {
        self.hears(|message| message["type"] == "Ping").await;
    }

    async fn hears(&mut self, is_wanted: impl Fn(&Value) -> bool) {
        let wanted = async {
            loop {
                let message = self.stream.next().await.expect("the connection lives").expect("the connection lives");
                assert!(!message.is_close(), "the connection ended: {message:?}");
                let Message::Text(text) = message else { continue };
                if is_wanted(&serde_json::from_str(&text).expect("the server speaks JSON")) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wanted).await.expect("it is heard in time");
    }

    async fn say(&mut self, message: &Value) {
        self.stream.send(Message::text(message.to_string())).await.expect("the connection takes a message");
    }
}

/// A connection that can send any bytes.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) async fn open(playground: &Playground) -> Self {
        let mut stream = TcpStream::connect(playground.address).await.expect("a connection opens");
        let asked = b"GET /api/1.48.0/sync HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        stream.write_all(asked).await.expect("a connection takes a request");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a connection answers"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self { stream }
    }

    /// Sends these bytes unchanged, until the server has closed the connection or all are sent. Returns the close code;
    /// none when the connection was cut.
    pub(crate) async fn end_after(self, bytes: impl IntoIterator<Item = Vec<u8>>) -> Option<u16> {
        let (mut reader, mut writer) = self.stream.into_split();
        let say = async move {
            for bytes in bytes {
                // The server may have closed the connection.
                if writer.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            writer
        };
        let hear = async {
            let mut heard = Vec::new();
            while reader.read_buf(&mut heard).await.is_ok_and(|read| read > 0) {
                if let Some(code) = close_code(&heard) {
                    return Some(code);
                }
            }
            None
        };
        let end = async {
            tokio::pin!(say, hear);
            tokio::select! {
                code = &mut hear => code,
                _writer = &mut say => hear.await,
            }
        };
        tokio::time::timeout(PATIENCE, end).await.expect("the connection ends in time")
    }
}

/// Returns the code of the close frame among these frames. A frame without a code is 1005, as in the standard.
fn close_code(mut frames: &[u8]) -> Option<u16> {
    loop {
        let (first, short) = (*frames.first()?, *frames.get(1)?);
        let (head, length) = match short {
            126 => (4, usize::from(u16::from_be_bytes(frames.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(frames.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, usize::from(short)),
        };
        let payload = frames.get(head..head + length)?;
        if first & 0x0f == 8 {
            return Some(payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]])));
        }
        frames = &frames[head + length..];
    }
}

/// Returns a frame as clients send it: masked, with zeros. `first` is its first byte: 0x81 is a whole text.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// Returns the head of a frame with a payload of this length.
pub(crate) fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 0x80 | 127];
    head.extend_from_slice(&length.to_be_bytes());
    head.extend_from_slice(&[0; 4]);
    head
}

/// Returns a message of the protocol.
pub(crate) fn text(message: &Value) -> Vec<u8> {
    frame(0x81, message.to_string().as_bytes())
}
