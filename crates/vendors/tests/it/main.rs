//! The webhook sources of all vendors, through the registry.

mod registry;
mod traps;
mod vectors;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kernel::{Result, Time};
use provider::{BoxedSource, Received, VendorEntry, WebhookRequest, WebhookSource};

fn entry(vendor: &str) -> VendorEntry {
    vendors::all().into_iter().find(|entry| entry.id == vendor).unwrap_or_else(|| panic!("{vendor} is listed"))
}

fn source(vendor: &str, secret: &str) -> BoxedSource {
    entry(vendor).webhooks_with(secret).unwrap_or_else(|error| panic!("{vendor}: {error:?}"))
}

/// A request to a vendor's address.
#[derive(Clone)]
struct Post {
    url: String,
    headers: HeaderMap,
    body: Bytes,
    at: Time,
}

impl Post {
    fn new(body: impl Into<Bytes>, at: Time) -> Self {
        let url = "https://hooks.example.com/webhooks/vendor".to_owned();
        Self { url, headers: HeaderMap::new(), body: body.into(), at }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        self.headers.insert(name, HeaderValue::try_from(value).expect("a header value"));
        self
    }

    fn at(mut self, at: Time) -> Self {
        self.at = at;
        self
    }

    fn signed_by(self, source: &dyn WebhookSource) -> Self {
        let headers = source.sign(&self.request()).expect("this vendor can be played");
        headers.iter().fold(self, |post, (name, value)| post.header(name, value))
    }

    fn verified_by(&self, source: &dyn WebhookSource) -> Result<()> {
        source.verify(&self.request())
    }

    fn events_of(&self, source: &dyn WebhookSource) -> Vec<Received> {
        source.events(&self.request())
    }

    fn request(&self) -> WebhookRequest<'_> {
        let Self { url, headers, body, at } = self;
        WebhookRequest { method: &Method::POST, url, headers, body, received_at: *at }
    }
}
