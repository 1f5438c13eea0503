//! Lemon Squeezy.
//!
//! Webhooks: <https://docs.lemonsqueezy.com/help/webhooks>. The signature covers the body alone, without a time, and
//! events have no id: the hash of name and body is the id, and with it the protection against replays.

mod read;

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{Headers, Keys},
};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use read::Reader;

/// Lemon Squeezy.
pub struct LemonSqueezy;

/// The settings for calling Lemon Squeezy.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// API key: Lemon Squeezy → Settings → API. It also decides between test and live mode.
    pub lemon_squeezy_api_key: Secret,
    /// Store to sell from: Lemon Squeezy → Settings → Stores, the number after `#`.
    pub lemon_squeezy_store_id: String,
}

/// The settings for receiving Lemon Squeezy's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Signing secret that you chose: Lemon Squeezy → Settings → Webhooks → the webhook. Several, separated by commas,
    /// while you replace it.
    pub lemon_squeezy_webhook_secret: Secret,
}

impl Vendor for LemonSqueezy {
    const ID: &'static str = "lemon-squeezy";
    const TITLE: &'static str = "Lemon Squeezy";

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::text(&settings.lemon_squeezy_webhook_secret, "LEMON_SQUEEZY_WEBHOOK_SECRET")?;
        Ok(Box::new(Webhooks { keys }))
    }
}

const SIGNATURE: &str = "X-Signature";

struct Webhooks {
    keys: Keys,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.keys.verify_body(request, &[SIGNATURE], "")
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        // The name is also in X-Event-Name, but headers are not signed.
        let event = match Received::json::<wire::Event>(request.body) {
            Ok(event) => event,
            Err(malformed) => return vec![*malformed],
        };
        // Older documentation writes `order.created`.
        let kind = event.meta.event_name.replace('.', "_");
        let id = Received::hashed_id(&kind, request.body);
        let attributes = &event.data.attributes;
        let received = Received::new(id, kind, request.body.clone());
        let occurred_at = attributes.updated_at.0.or(attributes.created_at.0);
        vec![received.in_lane(event.data.subscription()).occurred(occurred_at).about(attributes.customer_id.get())]
    }

    fn sign(&self, request: &WebhookRequest<'_>) -> Result<Headers> {
        Ok(self.keys.sign_body(request, SIGNATURE, ""))
    }
}

mod wire {
    use serde::Deserialize;

    use crate::loose::{self, Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Event {
        pub(super) meta: Meta,
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) data: Data,
    }

    #[derive(Deserialize)]
    pub(super) struct Meta {
        pub(super) event_name: String,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Data {
        r#type: Text,
        id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) attributes: Attributes,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Attributes {
        subscription_id: Text,
        pub(super) customer_id: Text,
        pub(super) created_at: Moment,
        pub(super) updated_at: Moment,
    }

    impl Data {
        /// Events of the kinds `subscription_payment_*` contain an invoice, which names its subscription.
        pub(super) fn subscription(&self) -> Option<&str> {
            let own = self.id.get().filter(|_| self.r#type.get() == Some("subscriptions"));
            own.or(self.attributes.subscription_id.get())
        }
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for LemonSqueezy {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("LEMON_SQUEEZY_API_KEY", "eyJ0eXAiOiJKV1Qi"), ("LEMON_SQUEEZY_STORE_ID", "12345")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("LEMON_SQUEEZY_WEBHOOK_SECRET", "ls_secret")],
                other_secret: "another_secret",
                body: r#"{"meta":{"event_name":"subscription_created","custom_data":{"tenant":"t1"}},
                    "data":{"type":"subscriptions","id":"1","attributes":{"customer_id":7,
                    "updated_at":"2026-01-01T00:00:00.000000Z"}}}"#,
                window: None,
                covers_body: true,
                sign: None,
            })
        }
    }

    fn event(body: &'static str) -> Received {
        let source =
            LemonSqueezy::webhooks(WebhookSettings { lemon_squeezy_webhook_secret: Secret::new("s") }).unwrap();
        let request = WebhookRequest {
            method: &http::Method::POST,
            url: "/",
            headers: &http::HeaderMap::new(),
            body: &bytes::Bytes::from_static(body.as_bytes()),
            received_at: kernel::Time::from_ms(0),
        };
        source.events(&request).remove(0)
    }

    #[test]
    fn an_invoice_is_in_the_lane_of_its_subscription() {
        let paid = event(
            r#"{"meta":{"event_name":"subscription_payment_success"},
                "data":{"type":"subscription-invoices","id":"9","attributes":{"subscription_id":1}}}"#,
        );
        let created =
            event(r#"{"meta":{"event_name":"subscription_created"},"data":{"type":"subscriptions","id":"1"}}"#);
        assert_eq!(paid.lane.as_deref(), Some("1"));
        assert_eq!(created.lane, paid.lane);
    }

    #[test]
    fn an_event_name_with_a_dot_is_the_one_with_an_underscore() {
        assert_eq!(event(r#"{"meta":{"event_name":"order.created"}}"#).kind, "order_created");
    }
}
