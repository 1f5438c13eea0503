//! The rules for webhooks: what the vendor signed is accepted, and everything that differs from it by one bit is
//! refused.

use std::time::Duration;

use http::HeaderValue;
use kernel::{Code, Result, Time};

use super::{Sample, Sent, Webhook};
use crate::{Received, VendorEntry, WebhookSource};

pub(super) fn check<V: Sample>(webhook: &Webhook) {
    let vendor = Scenario::<V>::new(webhook);
    vendor.what_the_vendor_signed_is_accepted();
    vendor.secrets_can_be_rotated();
    vendor.nothing_one_bit_away_is_accepted();
    vendor.nothing_shorter_is_accepted();
    vendor.the_replay_window_is_kept();
    vendor.garbage_is_refused_and_signed_garbage_is_one_malformed_event();
    vendor.a_bad_secret_is_a_config_error_or_matches_nothing();
}

/// Checks the bounds that every event must keep, whatever was received.
pub(super) fn check_events(events: &[Received]) {
    assert!(!events.is_empty(), "a request never vanishes");
    for event in events {
        for text in [Some(&event.external_id), Some(&event.kind), event.lane.as_ref(), event.account.as_ref()] {
            let Some(text) = text else { continue };
            assert!(!text.is_empty() && text.len() <= 255, "a key has 1 to 255 bytes: {text:?}");
            assert!(!text.chars().any(char::is_control), "a key has no control characters: {text:?}");
        }
        assert_eq!(event.defect.is_some(), event.kind == "malformed", "only what is malformed has a defect");
    }
}

pub(super) struct Scenario<V> {
    webhook: Webhook,
    vendor: std::marker::PhantomData<V>,
}

impl<V: Sample> Scenario<V> {
    pub(super) fn new(webhook: &Webhook) -> Self {
        Self { webhook: Webhook { ..*webhook }, vendor: std::marker::PhantomData }
    }

    /// Creates the source with this secret.
    pub(super) fn source_with(&self, secret: &str) -> Result<Box<dyn WebhookSource>> {
        let (secret_variable, _) = self.webhook.variables[0];
        let others = self.webhook.variables[1..].iter().copied();
        let variables = others.chain([(secret_variable, secret)]).collect();
        let source = (VendorEntry::of::<V>("contract").webhooks)(&variables)?;
        Ok(source.expect("with its variables set, the receiving side is on"))
    }

    pub(super) fn source(&self) -> Box<dyn WebhookSource> {
        self.source_with(self.secret()).expect("the sample's secret is valid")
    }

    fn secret(&self) -> &'static str {
        self.webhook.variables[0].1
    }

    /// Returns the request as the vendor sends it.
    pub(super) fn signed(&self, source: &dyn WebhookSource, body: impl Into<bytes::Bytes>) -> Sent {
        let sent = Sent::unsigned(body);
        let headers = match self.webhook.sign {
            Some(sign) => sign(&sent.request()),
            None => source.sign(&sent.request()).expect("the vendor signs, or the sample does"),
        };
        sent.with(headers)
    }

    fn what_the_vendor_signed_is_accepted(&self) {
        let source = self.source();
        let sent = self.signed(&*source, self.webhook.body);
        accepted(&*source, &sent);
        let events = source.events(&sent.request());
        check_events(&events);
        assert!(events.iter().all(|event| event.defect.is_none()), "the sample is well-formed: {events:?}");
        assert_eq!(source.events(&sent.request()), events, "the same request is the same events");
    }

    fn secrets_can_be_rotated(&self) {
        let (ours, other) = (self.secret(), self.webhook.other_secret);
        let sent = self.signed(&*self.source(), self.webhook.body);
        let with = |secret: &str| self.source_with(secret).unwrap_or_else(|error| panic!("a rotation: {error:?}"));
        for rotation in [format!("{ours},{other}"), format!("{other}, {ours}"), format!("{other},{ours},")] {
            accepted(&*with(&rotation), &sent);
        }
        refused(&*with(other), &sent, "another secret");
        if self.webhook.sign.is_none() {
            let newer = self.signed(&*with(&format!("{other},{ours}")), self.webhook.body);
            accepted(&*with(other), &newer);
            refused(&*with(ours), &newer, "the first of the secrets signs");
        }
    }

    fn nothing_one_bit_away_is_accepted(&self) {
        let source = self.source();
        let sent = self.signed(&*source, self.webhook.body);
        for body in flips(&sent.body).filter(|_| self.webhook.covers_body) {
            refused(&*source, &Sent { body: body.into(), ..sent.clone() }, "a bit of the body");
        }
        for (name, value) in &sent.headers {
            for value in flips(value.as_bytes()).filter_map(|bytes| HeaderValue::from_bytes(&bytes).ok()) {
                let mut flipped = sent.clone();
                flipped.headers.insert(name, value.clone());
                refused(&*source, &flipped, &format!("a bit of {name}: {value:?}"));
            }
        }
        for secret in flips(self.secret().as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
            if let Ok(other) = self.source_with(&secret) {
                refused(&*other, &sent, &format!("a bit of the secret: {secret:?}"));
            }
        }
    }

    fn nothing_shorter_is_accepted(&self) {
        let source = self.source();
        let sent = self.signed(&*source, self.webhook.body);
        for length in (0..sent.body.len()).filter(|_| self.webhook.covers_body) {
            refused(&*source, &Sent { body: sent.body.slice(..length), ..sent.clone() }, "a shorter body");
        }
        for (name, value) in &sent.headers {
            let mut without = sent.clone();
            without.headers.remove(name);
            refused(&*source, &without, &format!("no {name}"));
            for length in 0..value.len() {
                let mut shorter = sent.clone();
                let value = HeaderValue::from_bytes(&value.as_bytes()[..length]).expect("a prefix is valid");
                shorter.headers.insert(name, value);
                refused(&*source, &shorter, &format!("{length} bytes of {name}"));
            }
        }
    }

    fn the_replay_window_is_kept(&self) {
        let Some(window) = self.webhook.window else { return };
        let source = self.source();
        let sent = self.signed(&*source, self.webhook.body);
        let at = |at: Time| Sent { at, ..sent.clone() };
        let second = Duration::from_secs(1);
        accepted(&*source, &at(Sent::AT + window.longest_past()));
        refused(&*source, &at(Sent::AT + window.longest_past() + second), "a stale request");
        match window.longest_future() {
            Some(future) => {
                accepted(&*source, &at(Sent::AT - future));
                refused(&*source, &at(Sent::AT - future - second), "a request from the future");
            }
            None => accepted(&*source, &at(Sent::AT - Duration::from_secs(86_400))),
        }
    }

    fn garbage_is_refused_and_signed_garbage_is_one_malformed_event(&self) {
        let source = self.source();
        refused(&*source, &Sent::unsigned(self.webhook.body), "an unsigned request");
        for garbage in
            [&b""[..], b"{", b"nonsense", b"<html>", b"\xff\xfe\x00", b"{\"id\":\"\xff\"}", b"\"text\"", b"[[]"]
        {
            let sent = self.signed(&*source, garbage);
            accepted(&*source, &sent);
            let events = source.events(&sent.request());
            check_events(&events);
            let [event] = events.as_slice() else { panic!("garbage is one event") };
            assert!(event.defect.is_some(), "{garbage:?} is malformed");
            assert_eq!(event.payload, garbage, "garbage is kept as it came");
        }
    }

    fn a_bad_secret_is_a_config_error_or_matches_nothing(&self) {
        let (variable, _) = self.webhook.variables[0];
        for bad in [",", " , ,", "whsec_!!!not-base64", "x"] {
            match self.source_with(bad) {
                Err(error) => {
                    assert_eq!(error.code, Code::Config);
                    assert!(error.message.contains(variable), "{variable} is not named in: {error}");
                    assert!(!format!("{error:?}").contains("not-base64"), "the secret is in the error");
                }
                Ok(source) => {
                    refused(&*source, &self.signed(&*self.source(), self.webhook.body), "a bad secret");
                }
            }
        }
    }
}

fn accepted(source: &dyn WebhookSource, sent: &Sent) {
    if let Err(error) = source.verify(&sent.request()) {
        panic!("a valid request is refused: {error:?}\n{:?}", sent.request());
    }
}

/// Checks that the request is refused, and that the error shows neither the header that came nor the expected one.
fn refused(source: &dyn WebhookSource, sent: &Sent, why: &str) {
    let Err(error) = source.verify(&sent.request()) else { panic!("accepted in spite of {why}") };
    assert_eq!(error.code, Code::Unauthenticated, "{why}: {error:?}");
    let shown = format!("{error:?}");
    for value in sent.headers.values().filter_map(|value| value.to_str().ok()).filter(|value| value.len() >= 8) {
        assert!(!shown.contains(value), "the refusal shows a header: {shown}");
    }
}

fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}
