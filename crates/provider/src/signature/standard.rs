//! Standard Webhooks, and Svix, which is the same with other header names.
//!
//! Specification: <https://github.com/standard-webhooks/standard-webhooks>, version 1.0.0.
//! `docs/decisions/0001-webhook-signatures.md` says why the `standardwebhooks` crate is not used.

use std::time::Duration;

use data_encoding::BASE64;
use kernel::{Result, Time};

use super::{Headers, Keys, Mac, Window, header, keys::base64, malformed, sha256_hex};
use crate::{BoxedSource, Received, WebhookRequest, WebhookSource};

/// The scheme with its keys. When it verifies, it prefers each `svix-*` header to the `webhook-*` header of that name.
pub struct StandardWebhooks {
    keys: Keys,
    names: Names,
}

/// The names of the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Webhook,
    /// `svix-id`, `svix-timestamp`, `svix-signature`.
    Svix,
}

const IDS: [&str; 2] = ["svix-id", "webhook-id"];
const TIMESTAMPS: [&str; 2] = ["svix-timestamp", "webhook-timestamp"];
const SIGNATURES: [&str; 2] = ["svix-signature", "webhook-signature"];

impl StandardWebhooks {
    /// The window of the reference library, in both directions.
    pub const WINDOW: Window = Window::both(Duration::from_secs(300));

    /// Creates the scheme; it verifies both families of headers and signs with `names`.
    pub fn new(keys: Keys, names: Names) -> Self {
        Self { keys, names }
    }

    /// Returns the id of the message, which is the same in every repetition of it.
    pub fn id<'a>(request: &WebhookRequest<'a>) -> Option<&'a str> {
        header(request, &IDS).ok().filter(|id| !id.is_empty())
    }

    /// Checks the signature over `{id}.{timestamp}.{body}` and the time of signing.
    ///
    /// # Errors
    /// `Unauthenticated` when a header is missing or none of the signatures matches.
    pub fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        let signatures = header(request, &SIGNATURES)?;
        let timestamp = header(request, &TIMESTAMPS)?;
        header(request, &IDS)?;
        let id = Self::id(request).ok_or_else(|| malformed(IDS[1]))?;
        let seconds: i64 = timestamp.parse().map_err(|_| malformed(TIMESTAMPS[1]))?;
        Self::WINDOW.check(Time::from_seconds(seconds), request.received_at)?;
        self.keys.verify(&content(id, timestamp, request.body), entries(signatures))
    }

    /// Returns the headers of this request, signed at its `received_at`. An id in its headers is kept; otherwise one is
    /// derived from the body.
    pub fn sign(&self, request: &WebhookRequest<'_>) -> Headers {
        let id = Self::id(request).map_or_else(|| made_id(request.body), str::to_owned);
        let timestamp = request.received_at.seconds().to_string();
        let signature = format!("v1,{}", BASE64.encode(&self.keys.sign(&content(&id, &timestamp, request.body))));
        let [id_name, timestamp_name, signature_name] = match self.names {
            Names::Svix => [IDS[0], TIMESTAMPS[0], SIGNATURES[0]],
            Names::Webhook => [IDS[1], TIMESTAMPS[1], SIGNATURES[1]],
        };
        vec![(id_name, id), (timestamp_name, timestamp), (signature_name, signature)]
    }

    /// Returns the webhook source of a vendor whose requests are signed like this and hold one event each, which
    /// `event` parses.
    pub fn source(self, event: ReadEvent) -> BoxedSource {
        Box::new(Source { scheme: self, event })
    }
}

/// Parses the event of a request, or returns a malformed event.
type ReadEvent = fn(&WebhookRequest<'_>) -> Result<Received, Box<Received>>;

struct Source {
    scheme: StandardWebhooks,
    event: ReadEvent,
}

impl WebhookSource for Source {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.scheme.verify(request)
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        vec![(self.event)(request).unwrap_or_else(|malformed| *malformed)]
    }

    fn sign(&self, request: &WebhookRequest<'_>) -> Result<Headers> {
        Ok(self.scheme.sign(request))
    }
}

fn content<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

/// Splits `v1,<base64>` entries at white space. Supabase joins several with comma and space, which leaves a trailing
/// comma; entries of other versions, such as the asymmetric `v1a`, are skipped.
fn entries(header: &str) -> impl Iterator<Item = Mac> {
    header.split_whitespace().filter_map(|entry| base64(entry.trim_end_matches(',').strip_prefix("v1,")?))
}

fn made_id(body: &[u8]) -> String {
    format!("msg_{}", &sha256_hex(&[body])[..27])
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use kernel::Secret;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn headers(list: &Headers) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    /// The reference library uses the system clock, which tests cannot set.
    #[expect(clippy::disallowed_methods, reason = "the reference library reads the system clock itself")]
    fn now() -> Time {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Time::from_ms(0) + since_1970
    }

    #[test]
    fn what_the_reference_library_signs_we_verify_and_the_other_way_round() {
        let oracle = standardwebhooks::Webhook::new(SECRET).unwrap();
        let secret = Secret::new(SECRET);
        let scheme = StandardWebhooks::new(Keys::whsec(secret.rotation(), "X").unwrap(), Names::Webhook);
        for text in ["{}", "", r#"{"type":"a.b"}"#, "ü\r\n", "not json"] {
            let (received_at, body, method) = (now(), Bytes::from(text), Method::POST);
            let theirs = oracle.sign("msg_1", received_at.seconds(), text.as_bytes()).unwrap();
            let stamp = received_at.seconds().to_string();
            let sent =
                headers(&vec![(IDS[1], "msg_1".into()), (TIMESTAMPS[1], stamp), (SIGNATURES[1], theirs.clone())]);
            let request = WebhookRequest { method: &method, url: "/", headers: &sent, body: &body, received_at };
            scheme.verify(&request).unwrap();
            let ours = scheme.sign(&request);
            assert_eq!(ours.last().map(|(_, value)| value), Some(&theirs));
            oracle.verify(text.as_bytes(), &headers(&ours)).unwrap();
        }
    }

    #[test]
    fn the_signatures_of_a_header_are_read_with_spaces_and_with_commas_between_them() {
        let one = format!("v1,{}", BASE64.encode(&[1; 32]));
        let two = format!("v1,{}", BASE64.encode(&[2; 32]));
        for joined in [format!("{one} {two}"), format!("{one}, {two}"), format!("v2,x {one},\tv1a,y  {two}")] {
            assert_eq!(entries(&joined).collect::<Vec<_>>(), [[1; 32], [2; 32]], "{joined}");
        }
        assert_eq!(entries(&format!("{one},{two}")).count(), 0);
    }
}
