//! A vendor's webhook on its way in: checked on the raw bytes, then cut into events.

use ::http::{HeaderMap, Method};
use bytes::Bytes;
use kernel::{Result, Time};

/// One HTTP request, exactly as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct WebhookRequest<'a> {
    /// The method, `POST` for events.
    pub method: &'a Method,
    /// The address that the vendor called, with the public host and the query, for the vendors that sign it.
    pub url: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The body, untouched.
    pub body: &'a Bytes,
    /// When it arrived, for replay windows.
    pub received_at: Time,
}

impl<'a> WebhookRequest<'a> {
    /// The header `name` as text; none when it is absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// One event that a verified request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The vendor's id of the event, the same on every repetition. Where the vendor has none:
    /// [`Received::hashed_id`].
    pub external_id: String,
    /// The vendor's own name of what happened, such as `customer.subscription.updated`.
    pub kind: String,
    /// Events with the same lane are handled in the order of arrival, one at a time: one conversation, one subscription.
    pub lane: Option<String>,
    /// When it happened, by the vendor's clock.
    pub occurred_at: Option<Time>,
    /// Whose account it concerns, as the vendor names it: a phone number id, a portal id, a customer id.
    pub account: Option<String>,
    /// The event itself. For a request that carries one event, the whole body.
    pub payload: Bytes,
    /// Why this can never be handled although its signature is valid: it is stored and shown, not run.
    pub defect: Option<String>,
}

impl Received {
    /// An event with neither lane, time nor account.
    pub fn new(external_id: impl Into<String>, kind: impl Into<String>, payload: Bytes) -> Self {
        Self {
            external_id: external_id.into(),
            kind: kind.into(),
            lane: None,
            occurred_at: None,
            account: None,
            payload,
            defect: None,
        }
    }

    /// A signed body that is not what this vendor sends: kept, because it is the vendor's truth, and never run.
    pub fn malformed(body: &Bytes, why: impl std::fmt::Display) -> Self {
        let mut event = Self::new(Self::hashed_id("malformed", body), "malformed", body.clone());
        event.defect = Some(why.to_string());
        event
    }

    /// The id of an event that has none of its own: SHA-256 over its kind and its raw bytes, in hex.
    pub fn hashed_id(kind: &str, payload: &[u8]) -> String {
        crate::signature::sha256_hex(&[kind.as_bytes(), b"\n", payload])
    }
}

/// The query of a `GET` that asks whether this address is ours, decoded.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a>(pub &'a [(String, String)]);

impl<'a> Challenge<'a> {
    /// The first value of the parameter `name`.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The receiving side of a vendor.
///
/// Both methods see bytes from strangers: they never panic, whatever comes.
pub trait WebhookSource: Send + Sync {
    /// Checks that the vendor sent exactly these bytes, in constant time and within the vendor's replay window.
    ///
    /// # Errors
    /// `Unauthenticated`, with a message that says what did not match and shows neither secret nor signature.
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()>;

    /// Cuts a verified request into its events; a body that is not what this vendor sends gives
    /// [`Received::malformed`].
    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received>;

    /// Answers the vendor's question whether this address is ours with the text to send back.
    ///
    /// # Errors
    /// `Unsupported` for vendors that do not ask (the default), `Forbidden` when the token is wrong.
    fn challenge(&self, _query: &Challenge<'_>) -> Result<String> {
        Err(kernel::Error::unsupported("a challenge by GET"))
    }

    /// The largest body that this vendor sends, in bytes, where it is more than the server's own limit.
    fn max_body(&self) -> Option<usize> {
        None
    }
}
