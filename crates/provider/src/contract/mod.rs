//! What every vendor must do, as tests that a category runs on each of its vendors.
//!
//! Here is no sampling where there can be proof: *every* bit of body, headers and secret is flipped, and *every* shorter
//! body and header is tried. What cannot be enumerated, [`fuzz`] makes from a seed.

mod fuzz;
mod settings;
mod webhook;

use std::fmt::Debug;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kernel::Time;

use crate::{Vendor, VendorEntry, WebhookRequest, signature};

pub use fuzz::fuzz;

/// What the contract must know of a vendor to test it. Implemented in the vendor's own tests.
pub trait Sample: Vendor<Settings: Debug, WebhookSettings: Debug> {
    /// Valid values of the client's variables: at least the required ones.
    const SETTINGS: &'static [(&'static str, &'static str)];

    /// Its webhooks; none for a vendor that sends none.
    fn webhook() -> Option<Webhook>;
}

/// A webhook as the vendor sends it.
pub struct Webhook {
    /// Valid values of all required variables, the one with the secret first.
    pub variables: &'static [(&'static str, &'static str)],
    /// Another secret.
    pub other_secret: &'static str,
    /// A body with at least one event.
    pub body: &'static str,
    /// How long after signing a request is accepted; none for vendors without a timestamp.
    pub window: Option<signature::Window>,
    /// Whether the signature covers the body. Vendors that only send a password do not.
    pub covers_body: bool,
    /// How to play the vendor where only the vendor can sign.
    pub sign: Option<fn(&WebhookRequest<'_>) -> signature::Headers>,
}

/// Runs the contract.
///
/// # Panics
/// When the vendor breaks it.
pub fn check<V: Sample>() {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(!V::ID.is_empty() && V::ID.bytes().all(is_plain), "id {}", V::ID);
    assert!(V::WEBHOOK_PATHS.iter().all(|path| path.starts_with('/')), "paths begin with a slash");
    settings::check::<V>();
    let tokens = V::issuing().into_iter().flat_map(|issuing| (issuing.fields)());
    assert!(tokens.into_iter().all(|field| !field.doc.is_empty()), "every variable says what it is");
    match V::webhook() {
        Some(webhook) => webhook::check::<V>(&webhook),
        None => {
            let entry = VendorEntry::of::<V>("contract");
            assert_eq!((entry.webhook_fields)(), [], "a vendor with webhook settings has a sample webhook");
            assert!((entry.webhooks)(&crate::settings::Variables::default()).is_ok_and(|source| source.is_none()));
        }
    }
}

/// A request that owns its parts.
#[derive(Clone)]
struct Sent {
    headers: HeaderMap,
    body: Bytes,
    at: Time,
}

impl Sent {
    /// 2026-01-01.
    const AT: Time = Time::from_seconds(1_767_225_600);

    fn unsigned(body: impl Into<Bytes>) -> Self {
        Self { headers: HeaderMap::new(), body: body.into(), at: Self::AT }
    }

    fn request(&self) -> WebhookRequest<'_> {
        WebhookRequest {
            method: &Method::POST,
            url: "https://hooks.example.com/webhooks/vendor",
            headers: &self.headers,
            body: &self.body,
            received_at: self.at,
        }
    }

    /// The same request with these headers.
    fn with(mut self, headers: signature::Headers) -> Self {
        for (name, value) in headers {
            let name = HeaderName::try_from(name).expect("a header's name is valid");
            self.headers.insert(name, HeaderValue::try_from(value).expect("a header's value is valid"));
        }
        self
    }
}
