//! Twilio SendGrid.
//!
//! Event webhook: <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>, checked against
//! `@sendgrid/eventwebhook` 8.0.0. ECDSA over time and body; the body is an array and may end with CR LF.

use std::time::Duration;

use data_encoding::BASE64;
use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{PublicKeys, Unit, Window, header, malformed},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::array;

/// Twilio SendGrid.
pub struct SendGrid;

/// The settings for sending with SendGrid.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// API key: SendGrid → Settings → API Keys. Begins with `SG.`.
    pub sendgrid_api_key: Secret,
    /// Sender of e-mail: an address that is verified at SendGrid → Settings → Sender Authentication.
    pub sendgrid_from_email: String,
}

/// The settings for receiving SendGrid's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Verification key: SendGrid → Settings → Mail Settings → Event Webhook → the webhook → Signature Verification.
    /// Several, separated by commas, while you replace it.
    pub sendgrid_webhook_public_key: String,
}

impl Vendor for SendGrid {
    const ID: &'static str = "sendgrid";
    const TITLE: &'static str = "SendGrid";

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = PublicKeys::parse(&settings.sendgrid_webhook_public_key, "SENDGRID_WEBHOOK_PUBLIC_KEY")?;
        Ok(Box::new(Webhooks { keys }))
    }
}

const SIGNATURE: &str = "X-Twilio-Email-Event-Webhook-Signature";
const TIMESTAMP: &str = "X-Twilio-Email-Event-Webhook-Timestamp";

/// SendGrid's library checks no window. SendGrid retries for a day, and does not document whether a retry is signed
/// anew: a short window could lose events for good, while a replay within this one is recognised by `sg_event_id`.
const WINDOW: Window = Window::past(Duration::from_secs(25 * 60 * 60));

struct Webhooks {
    keys: PublicKeys,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        let signature = header(request, &[SIGNATURE])?;
        let timestamp = header(request, &[TIMESTAMP])?;
        let signature = BASE64.decode(signature.as_bytes()).map_err(|_| malformed(SIGNATURE))?;
        let signed = Unit::Seconds.parse(timestamp).ok_or_else(|| malformed(TIMESTAMP))?;
        WINDOW.check(signed, request.received_at)?;
        self.keys.verify(&[timestamp.as_bytes(), request.body], &signature)
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        array::events(request.body, |event: wire::Event, payload| {
            Received::new(event.sg_event_id.or_empty(), &event.event, payload)
                .in_lane(event.sg_message_id.get())
                .occurred(event.timestamp.0)
        })
    }
}

mod wire {
    use serde::Deserialize;

    use crate::loose::{Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Event {
        pub(super) event: String,
        #[serde(default)]
        pub(super) timestamp: Moment,
        #[serde(default)]
        pub(super) sg_event_id: Text,
        #[serde(default)]
        pub(super) sg_message_id: Text,
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
    };
    use provider::{
        contract::{Sample, Webhook},
        signature::Headers,
    };

    use super::*;

    /// The public key of the private key 0x0101…01.
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEb/A7lJJBzh2t1DUZ5pYOCoW0GmmgXDKBA6orzhWUyhY8T3U6Vb8B3FP2wLDH7ueLQMb/fSWpbiKCuYnO9xwUSg==";
    /// The public key of the private key 0x0202…02.
    const OTHER: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVQ9HEAPz35fD31Bqx5f2ch+xoft7j2+D0iRJimXIjiQTYJPXAS5QmnNxXL0LAKPMD/S1wBs/+hlqsfsycDa45g==";

    impl Sample for SendGrid {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("SENDGRID_API_KEY", "SG.0123456789"), ("SENDGRID_FROM_EMAIL", "hello@example.com")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("SENDGRID_WEBHOOK_PUBLIC_KEY", KEY)],
                other_secret: OTHER,
                body: "[{\"event\":\"delivered\",\"timestamp\":1767225600,\"sg_event_id\":\"e1\",\"sg_message_id\":\"m1\"}]\r\n",
                window: Some(WINDOW),
                covers_body: true,
                sign: Some(sign),
            })
        }
    }

    fn sign(request: &WebhookRequest<'_>) -> Headers {
        let point = &BASE64.decode(KEY.as_bytes()).unwrap()[26..];
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, &[1; 32], point);
        let timestamp = Unit::Seconds.text(request.received_at);
        let content = [timestamp.as_bytes(), request.body].concat();
        let signature = pair.unwrap().sign(&SystemRandom::new(), &content).unwrap();
        vec![(SIGNATURE, BASE64.encode(signature.as_ref())), (TIMESTAMP, timestamp)]
    }

    #[test]
    fn only_the_vendor_can_sign() {
        let settings = WebhookSettings { sendgrid_webhook_public_key: KEY.to_owned() };
        let (headers, body) = (http::HeaderMap::new(), bytes::Bytes::new());
        let (method, received_at) = (&http::Method::POST, kernel::Time::from_ms(0));
        let request = WebhookRequest { method, url: "/", headers: &headers, body: &body, received_at };
        let error = SendGrid::webhooks(settings).unwrap().sign(&request).unwrap_err();
        assert_eq!(error.code, kernel::Code::Unsupported);
    }
}
