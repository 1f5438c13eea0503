//! Incoming webhooks of a vendor: verified on the raw bytes, then split into events.

use ::http::{HeaderMap, Method};
use bytes::Bytes;
use kernel::{Result, Time};

use crate::signature::Headers;

/// An HTTP request, exactly as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct WebhookRequest<'a> {
    /// The method, `POST` for events.
    pub method: &'a Method,
    /// The address that the vendor called, with the public host and the query, for vendors that sign it.
    pub url: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The body, unchanged.
    pub body: &'a Bytes,
    /// When it arrived, for replay windows.
    pub received_at: Time,
}

impl<'a> WebhookRequest<'a> {
    /// Returns the header `name` as text; none when it is absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// One event of a verified request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The vendor's id of the event, which is the same in every repetition. Where the vendor has none:
    /// [`Received::hashed_id`].
    pub external_id: String,
    /// The vendor's name of the kind of event, such as `customer.subscription.updated`.
    pub kind: String,
    /// The lane. Events with the same lane are handled one at a time in the order of arrival: one conversation, one
    /// subscription.
    pub lane: Option<String>,
    /// When the event happened, by the vendor's clock.
    pub occurred_at: Option<Time>,
    /// The account that the event is about, as the vendor names it: a phone number id, a portal id, a customer id.
    pub account: Option<String>,
    /// The event itself: the whole body of a request with one event, the element where the vendor sends an array.
    pub payload: Bytes,
    /// The reason why this event can never be handled although its signature is valid: it is stored and shown, but not
    /// run.
    pub defect: Option<String>,
}

impl Received {
    /// Creates an event without lane, time and account. An empty id is replaced by [`Received::hashed_id`].
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

    /// Returns the event with this lane.
    #[must_use]
    pub fn in_lane(mut self, lane: Option<impl AsRef<str>>) -> Self {
        self.lane = lane.map(|lane| key(lane.as_ref())).filter(|lane| !lane.is_empty());
        self
    }

    /// Returns the event with this time of the vendor's clock.
    #[must_use]
    pub fn occurred(mut self, at: Option<Time>) -> Self {
        self.occurred_at = at;
        self
    }

    /// Returns the event with this account.
    #[must_use]
    pub fn about(mut self, account: Option<impl AsRef<str>>) -> Self {
        self.account = account.map(|account| key(account.as_ref())).filter(|account| !account.is_empty());
        self
    }

    /// Creates the event for a signed body that cannot be parsed as this vendor's: it is stored, and never run.
    pub fn malformed(body: &Bytes, why: impl std::fmt::Display) -> Self {
        let mut event = Self::new(Self::hashed_id("malformed", body), "malformed", body.clone());
        // A parser's message may quote the body, whose personal data does not belong into an error.
        event.defect = Some(kernel::mask(&why.to_string()).chars().take(300).collect());
        event
    }

    /// Parses a body as the vendor's JSON.
    ///
    /// # Errors
    /// [`Received::malformed`] when that fails.
    pub fn json<'b, T: serde::Deserialize<'b>>(body: &'b Bytes) -> Result<T, Box<Self>> {
        let text = std::str::from_utf8(body).map_err(|error| Box::new(Self::malformed(body, error)))?;
        serde_json::from_str(text).map_err(|error| Box::new(Self::malformed(body, error)))
    }

    /// Checks the number of events in a body before they are created: an empty body must not vanish silently, and a
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

    /// Returns the id of an event that has none of its own: the SHA-256 of its kind and its raw bytes, in hex.
    pub fn hashed_id(kind: &str, payload: &[u8]) -> String {
        crate::signature::sha256_hex(&[kind.as_bytes(), b"\n", payload])
    }
}

/// Returns a text from outside as a key: at most 255 bytes without control characters. Any other text is replaced by
/// its SHA-256, which keeps different texts different.
fn key(text: &str) -> String {
    const LONGEST: usize = 255;
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return crate::signature::sha256_hex(&[text.as_bytes()]);
    }
    text.to_owned()
}

/// The decoded query of a `GET` by which a vendor checks that the address belongs to us.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a>(pub &'a [(String, String)]);

impl<'a> Challenge<'a> {
    /// Returns the first value of the parameter `name`.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Receives the webhooks of a vendor.
///
/// Both methods get bytes from strangers and never panic, whatever they contain.
pub trait WebhookSource: Send + Sync {
    /// Checks that the vendor sent exactly these bytes, in constant time and within the vendor's replay window.
    ///
    /// # Errors
    /// `Unauthenticated`, with a message that says what did not match and shows neither secret nor signature.
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()>;

    /// Splits a verified request into its events; a body that cannot be parsed becomes [`Received::malformed`].
    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received>;

    /// Returns the headers with which the vendor would send this request, signed with the first secret at
    /// `received_at`: for `trunkline sign`, tests and load generators. An event id in the request's headers is kept.
    ///
    /// # Errors
    /// `Unsupported` where only the vendor can sign (the default).
    fn sign(&self, _request: &WebhookRequest<'_>) -> Result<Headers> {
        Err(kernel::Error::unsupported("signing: only the vendor has the key"))
    }

    /// Answers the vendor's check that the address belongs to us with the text to send back.
    ///
    /// # Errors
    /// `Unsupported` for vendors that do not check (the default), `Forbidden` when the token is wrong.
    fn challenge(&self, _query: &Challenge<'_>) -> Result<String> {
        Err(kernel::Error::unsupported("a challenge by GET"))
    }

    /// Returns the largest body that this vendor sends, in bytes, where it exceeds the server's own limit.
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
