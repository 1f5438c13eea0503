//! HubSpot.
//!
//! Webhooks: <https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation>,
//! signature version 3, checked against `@hubspot/api-client` 13.5.0. It covers method and public address too, so that
//! the server must know under which address it was called. The body is an array of up to 100 events.

use std::{borrow::Cow, time::Duration};

use data_encoding::BASE64;
use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{Headers, Keys, Unit, Window, base64, header, malformed},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::array;

/// HubSpot.
pub struct HubSpot;

/// The settings for calling HubSpot.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Access token of a private app: HubSpot → Settings → Integrations → Private Apps → the app → Auth.
    pub hubspot_access_token: Secret,
}

/// The settings for receiving HubSpot's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Client secret of the app, which signs webhooks: HubSpot → the app → Auth. Several, separated by commas, while
    /// you rotate it.
    pub hubspot_client_secret: Secret,
}

impl Vendor for HubSpot {
    const ID: &'static str = "hubspot";
    const TITLE: &'static str = "HubSpot";
    const WEBHOOK_PATHS: &'static [&'static str] = &["/api/crm/webhooks/hubspot"];

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::text(&settings.hubspot_client_secret, "HUBSPOT_CLIENT_SECRET")?;
        Ok(Box::new(Webhooks { keys }))
    }
}

const SIGNATURE: &str = "X-HubSpot-Signature-v3";
const TIMESTAMP: &str = "X-HubSpot-Request-Timestamp";
const WINDOW: Window = Window::past(Duration::from_secs(300));

struct Webhooks {
    keys: Keys,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        let signature = header(request, &[SIGNATURE])?;
        let timestamp = header(request, &[TIMESTAMP])?;
        let signature = base64(signature).ok_or_else(|| malformed(SIGNATURE))?;
        let signed = Unit::Milliseconds.parse(timestamp).ok_or_else(|| malformed(TIMESTAMP))?;
        WINDOW.check(signed, request.received_at)?;
        // The documentation signs a partly decoded address, the vendor's package signs the address unchanged: both are
        // accepted.
        let check = |url: &str| self.keys.verify(&content(request, url, timestamp), std::iter::once(signature));
        check(&partly_decoded(request.url)).or_else(|_| check(request.url))
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        array::events(request.body, |event: wire::Event, payload| {
            Received::new(event.id(), &event.subscription_type, payload)
                .in_lane(event.lane())
                .occurred(event.occurred_at.0)
                .about(event.portal_id.get())
        })
    }

    fn sign(&self, request: &WebhookRequest<'_>) -> Result<Headers> {
        let timestamp = Unit::Milliseconds.text(request.received_at);
        let url = partly_decoded(request.url);
        let signature = BASE64.encode(&self.keys.sign(&content(request, &url, &timestamp)));
        Ok(vec![(SIGNATURE, signature), (TIMESTAMP, timestamp)])
    }
}

fn content<'a>(request: &WebhookRequest<'a>, url: &'a str, timestamp: &'a str) -> [&'a [u8]; 4] {
    [request.method.as_str().as_bytes(), url.as_bytes(), request.body, timestamp.as_bytes()]
}

/// The characters that HubSpot decodes in the address before it signs.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

fn partly_decoded(url: &str) -> Cow<'_, str> {
    if !url.contains('%') {
        return Cow::Borrowed(url);
    }
    let decode = |url: String, (code, character): &(&str, &str)| {
        url.replace(code, character).replace(&code.to_ascii_lowercase(), character)
    };
    Cow::Owned(DECODED.iter().fold(url.to_owned(), decode))
}

mod wire {
    use serde::Deserialize;

    use crate::loose::{Moment, Text};

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Event {
        pub(super) subscription_type: String,
        #[serde(default)]
        event_id: Text,
        #[serde(default)]
        subscription_id: Text,
        #[serde(default)]
        object_id: Text,
        #[serde(default)]
        pub(super) occurred_at: Moment,
        #[serde(default)]
        pub(super) portal_id: Text,
    }

    impl Event {
        /// `eventId` alone is not guaranteed to be unique, and `attemptNumber` changes with each repetition.
        pub(super) fn id(&self) -> String {
            if self.event_id.get().is_none() {
                return String::new();
            }
            let occurred = self.occurred_at.0.map_or(0, kernel::Time::ms);
            let [event, subscription, object] = [&self.event_id, &self.subscription_id, &self.object_id];
            format!("{}:{}:{}:{occurred}", event.or_empty(), subscription.or_empty(), object.or_empty())
        }

        /// Returns `contact:5` for all events of contact 5.
        pub(super) fn lane(&self) -> Option<String> {
            let (object, _) = self.subscription_type.split_once('.').unwrap_or((&self.subscription_type, ""));
            self.object_id.get().map(|id| format!("{object}:{id}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, Method};
    use kernel::Time;
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for HubSpot {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[("HUBSPOT_ACCESS_TOKEN", "pat-eu1-0123456789")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("HUBSPOT_CLIENT_SECRET", "0123456789abcdef")],
                other_secret: "another secret",
                body: r#"[{"eventId":1,"subscriptionId":2,"portalId":3,"occurredAt":1767225600000,
                    "subscriptionType":"contact.creation","attemptNumber":0,"objectId":5}]"#,
                window: Some(WINDOW),
                covers_body: true,
                sign: None,
            })
        }
    }

    const URL: &str = "https://hooks.example.com/webhooks/hubspot?tenant=a%2Cb";

    fn signed_for(url: &str) -> impl Fn(&Method, &str) -> Result<()> {
        let source = HubSpot::webhooks(WebhookSettings { hubspot_client_secret: Secret::new("s") }).unwrap();
        let (body, received_at) = (Bytes::from_static(b"[]"), Time::from_seconds(1_767_225_600));
        let unsigned = HeaderMap::new();
        let request = WebhookRequest { method: &Method::POST, url, headers: &unsigned, body: &body, received_at };
        let signed = source.sign(&request).unwrap();
        let headers: HeaderMap =
            signed.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect();
        move |method, url| source.verify(&WebhookRequest { method, url, headers: &headers, body: &body, received_at })
    }

    #[test]
    fn the_signature_holds_for_one_address_and_method_only() {
        let verify = signed_for(URL);
        verify(&Method::POST, URL).unwrap();
        assert!(verify(&Method::PUT, URL).is_err());
        for position in 0..URL.len() {
            let mut other = URL.as_bytes().to_vec();
            other[position] ^= 1;
            assert!(verify(&Method::POST, std::str::from_utf8(&other).unwrap()).is_err(), "byte {position}");
        }
    }

    #[test]
    fn an_address_is_signed_partly_decoded() {
        assert_eq!(partly_decoded("https://x/a%3ab%2Fc?d=%20e%2c"), "https://x/a:b/c?d=%20e,");
        signed_for("https://hooks.example.com/webhooks/hubspot?tenant=a,b")(&Method::POST, URL).unwrap();
    }

    #[test]
    fn a_repetition_has_the_same_id_whatever_its_attempt_number() {
        let id = |attempt: u8| {
            let body = format!(
                r#"{{"eventId":1,"subscriptionId":2,"objectId":5,"occurredAt":1767225600000,"subscriptionType":"deal.deletion","attemptNumber":{attempt}}}"#
            );
            serde_json::from_str::<wire::Event>(&body).unwrap().id()
        };
        assert_eq!(id(0), "1:2:5:1767225600000");
        assert_eq!(id(0), id(9));
    }
}
