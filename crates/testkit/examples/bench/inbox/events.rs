//! The events: signed beforehand, with ids in random order, as vendors send them.

use std::sync::Arc;

use bytes::Bytes;
use engine::{SystemRandom, World};
use http::{HeaderMap, Method};
use kernel::Random;
use provider::WebhookRequest;

/// The secrets of every benchmark's server.
pub(crate) const SECRETS: [(&str, &str); 2] =
    [("STRIPE_WEBHOOK_SECRET", SECRET), ("WHATSAPP_APP_SECRET", "0123456789abcdef0123456789abcdef")];
const SECRET: &str = "whsec_benchmark_secret_0123456789abcdef";
/// Bytes of a body.
const BODY: usize = 1500;

/// Whole HTTP requests, one after the other in one buffer: Stripe's events of a kind that nobody handles.
pub(crate) struct Events {
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Events {
    /// Makes `count` of them, about so many customers in turn. The events of a customer are a lane.
    pub(crate) fn sign(count: usize, customers: usize) -> anyhow::Result<Arc<Self>> {
        let vendor = vendors::all().into_iter().find(|vendor| vendor.id == "stripe");
        let source = vendor.ok_or_else(|| anyhow::anyhow!("there is no provider stripe"))?.webhooks_with(SECRET)?;
        let world = World::system();
        let mut events = Self { buffer: Vec::with_capacity(count * (BODY + 400)), ends: Vec::with_capacity(count) };
        for number in 0..count {
            let body = Bytes::from(body(number % customers.max(1)));
            let request = WebhookRequest {
                method: &Method::POST,
                url: "http://127.0.0.1/webhooks/stripe",
                headers: &HeaderMap::new(),
                body: &body,
                received_at: world.now(),
            };
            let mut head = String::from("POST /webhooks/stripe HTTP/1.1\r\nhost: 127.0.0.1\r\n");
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

fn body(customer: usize) -> String {
    let id = random_id();
    let head = format!(
        r#"{{"id":"evt_{id}","object":"event","type":"invoice.updated","created":1767225600,"data":{{"object":{{"id":"in_{id}","object":"invoice","customer":"cus_{customer}","description":""#
    );
    let tail = r#""}}}"#;
    let fill = BODY.saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", "x".repeat(fill))
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    bytes.iter().fold(String::new(), |id, byte| id + &format!("{byte:02x}"))
}
