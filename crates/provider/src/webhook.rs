//! A vendor's webhook on its way in: checked on the raw bytes, then cut into events.

use ::http::{HeaderMap, Method};
use bytes::Bytes;
use kernel::{Result, Time};

use crate::signature::Headers;

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
    /// The event itself: the whole body of a request that is one event, the element where the vendor sends an array.
    pub payload: Bytes,
    /// Why this can never be handled although its signature is valid: it is stored and shown, not run.
    pub defect: Option<String>,
}

impl Received {
    /// An event with neither lane, time nor account. Without an id of the vendor's it gets [`Received::hashed_id`].
    pub fn new(external_id: impl AsRef<str>, kind: impl AsRef<str>, payload: Bytes) -> Self {
        let kind = Some(key(kind.as_ref())).filter(|kind| !kind.is_empty()).unwrap_or_else(|| "unknown".to_owned());
        let id = Some(key(external_id.as_ref())).filter(|id| !id.is_empty());
        Self {
            external_id: id.unwrap_or_else(|| Self::hashed_id(&kind, &payload)),
            kind,
            lane: None,
            occurred_at: None,
            account: None,
            payload,
            defect: None,
        }
    }

    /// The same event in a lane.
    #[must_use]
    pub fn in_lane(mut self, lane: Option<impl AsRef<str>>) -> Self {
        self.lane = lane.map(|lane| key(lane.as_ref())).filter(|lane| !lane.is_empty());
        self
    }

    /// The same event at the vendor's time.
    #[must_use]
    pub fn occurred(mut self, at: Option<Time>) -> Self {
        self.occurred_at = at;
        self
    }

    /// The same event, about an account.
    #[must_use]
    pub fn about(mut self, account: Option<impl AsRef<str>>) -> Self {
        self.account = account.map(|account| key(account.as_ref())).filter(|account| !account.is_empty());
        self
    }

    /// A signed body that is not what this vendor sends: kept, because it is the vendor's truth, and never run.
    pub fn malformed(body: &Bytes, why: impl std::fmt::Display) -> Self {
        let mut event = Self::new(Self::hashed_id("malformed", body), "malformed", body.clone());
        // What a parser says may quote the body: people's data do not belong into a message.
        event.defect = Some(kernel::mask(&why.to_string()).chars().take(300).collect());
        event
    }

    /// Reads a body as the vendor's JSON.
    ///
    /// # Errors
    /// [`Received::malformed`] when it is not.
    pub fn json<'b, T: serde::Deserialize<'b>>(body: &'b Bytes) -> Result<T, Box<Self>> {
        let text = std::str::from_utf8(body).map_err(|error| Box::new(Self::malformed(body, error)))?;
        serde_json::from_str(text).map_err(|error| Box::new(Self::malformed(body, error)))
    }

    /// Checks that a body carries a sensible number of events, before they are made: none would vanish unseen, and a
    /// body of a million tiny elements is an attack, whoever signed it.
    ///
    /// # Errors
    /// [`Received::malformed`] for no event and for more than any vendor sends at once.
    pub fn countable(events: usize, body: &Bytes) -> Result<(), Box<Self>> {
        const MOST: usize = 10_000;
        match events {
            0 => Err(Box::new(Self::malformed(body, "it carries no event"))),
            1..=MOST => Ok(()),
            _ => Err(Box::new(Self::malformed(body, format!("it carries {events} events, more than {MOST}")))),
        }
    }

    /// The id of an event that has none of its own: SHA-256 over its kind and its raw bytes, in hex.
    pub fn hashed_id(kind: &str, payload: &[u8]) -> String {
        crate::signature::sha256_hex(&[kind.as_bytes(), b"\n", payload])
    }
}

/// Text from outside as a key of ours: at most 255 bytes without control characters. Anything else becomes its SHA-256,
/// which keeps different texts different.
fn key(text: &str) -> String {
    const LONGEST: usize = 255;
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return crate::signature::sha256_hex(&[text.as_bytes()]);
    }
    text.to_owned()
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

    /// The headers with which the vendor would send this request, signed with the first secret of a rotation at
    /// `received_at`: for `trunkline sign`, tests and load generators. An event id that the request's headers have is
    /// kept.
    ///
    /// # Errors
    /// `Unsupported` where only the vendor can sign (the default).
    fn sign(&self, _request: &WebhookRequest<'_>) -> Result<Headers> {
        Err(kernel::Error::unsupported("signing: only the vendor has the key"))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_a_key_is_short_and_printable_and_stays_distinct() {
        let event = |id: &str| Received::new(id, "kind", Bytes::from_static(b"{}"));
        assert_eq!(event("evt_1").external_id, "evt_1");
        assert_eq!(event("").external_id, Received::hashed_id("kind", b"{}"));
        let (long, longer) = (event(&"a".repeat(256)).external_id, event(&"a".repeat(257)).external_id);
        assert!(long.len() == 64 && longer.len() == 64 && long != longer);
        assert_eq!(event("a\nb").external_id.len(), 64);
        assert_eq!(event("x").in_lane(Some("")).about(None::<&str>).lane, None);
        assert_eq!(Received::new("1", "", Bytes::new()).kind, "unknown");
    }

    #[test]
    fn a_defect_does_not_quote_people() {
        let body = Bytes::from_static(br#"{"id":"ada@example.com"}"#);
        let error = Received::json::<std::collections::BTreeMap<String, u8>>(&body).unwrap_err();
        assert!(!error.defect.unwrap().contains("ada@"));
    }
}
