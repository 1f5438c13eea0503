//! The events: signed beforehand, with ids in random order, as vendors send them.

use std::sync::Arc;

use bytes::Bytes;
use engine::{SystemRandom, World};
use http::{HeaderMap, Method};
use kernel::Random;
use provider::WebhookRequest;

/// The secret of every benchmark's server.
pub(crate) const SECRET: &str = "whsec_YmVuY2htYXJrLXNlY3JldC0wMTIzNDU2Nzg5YWI=";
/// Bytes of a body.
const BODY: usize = 1500;

/// Whole HTTP requests, one after the other in one buffer.
pub(crate) struct Events {
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Events {
    /// Makes `count` of them.
    pub(crate) fn sign(count: usize) -> anyhow::Result<Arc<Self>> {
        let vendor = vendors::all().into_iter().find(|vendor| vendor.id == "generic");
        let source = vendor.ok_or_else(|| anyhow::anyhow!("there is no generic provider"))?.webhooks_with(SECRET)?;
        let world = World::system();
        let mut events = Self { buffer: Vec::with_capacity(count * (BODY + 400)), ends: Vec::with_capacity(count) };
        for number in 0..count {
            let body = Bytes::from(body(number));
            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", random_id().parse()?);
            let request = WebhookRequest {
                method: &Method::POST,
                url: "http://127.0.0.1/webhooks/generic",
                headers: &headers,
                body: &body,
                received_at: world.now(),
            };
            let mut head = String::from("POST /webhooks/generic HTTP/1.1\r\nhost: 127.0.0.1\r\n");
            for (name, value) in source.sign(&request)? {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len()));
            events.buffer.extend_from_slice(head.as_bytes());
            events.buffer.extend_from_slice(&body);
            events.ends.push(events.buffer.len());
        }
        Ok(Arc::new(events))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The request number `at`.
    pub(crate) fn request(&self, at: usize) -> &[u8] {
        let from = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.buffer[from..self.ends[at]]
    }
}

fn body(number: usize) -> String {
    let head = format!(r#"{{"type":"bench.happened","data":{{"number":{number},"text":""#);
    let tail = r#""}}"#;
    let fill = BODY.saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", "x".repeat(fill))
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    bytes.iter().fold(String::from("msg_"), |id, byte| id + &format!("{byte:02x}"))
}
