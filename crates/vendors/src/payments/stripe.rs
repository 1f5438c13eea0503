//! Stripe.
//!
//! Webhooks: <https://docs.stripe.com/webhooks>, checked against the `stripe` package 23.1.0 (API version
//! `2026-10-28.endive`). The key is the whole text of the secret, `whsec_` included. Order is not guaranteed and
//! events repeat for three days.

mod read;

use std::time::Duration;

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{Headers, Keys, Stamped, Unit},
};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use read::Reader;

/// Stripe.
pub struct Stripe;

/// The settings for calling Stripe.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Secret key: Stripe Dashboard → Developers → API keys. Begins with `sk_` or `rk_`.
    pub stripe_secret_key: Secret,
    /// Publishable key, for the browser: on the same page. Begins with `pk_`.
    pub next_public_stripe_public_key: Option<String>,
}

/// The settings for receiving Stripe's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Signing secret of the webhook endpoint: Stripe Dashboard → Developers → Webhooks → the endpoint → Signing
    /// secret. Begins with `whsec_`. Several, separated by commas, while you roll it.
    pub stripe_webhook_secret: Secret,
}

impl Vendor for Stripe {
    const ID: &'static str = "stripe";
    const TITLE: &'static str = "Stripe";
    const WEBHOOK_PATHS: &'static [&'static str] = &["/api/webhooks/stripe"];

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::text(&settings.stripe_webhook_secret, "STRIPE_WEBHOOK_SECRET")?;
        Ok(Box::new(Webhooks { keys }))
    }
}

/// Stripe's own libraries check the past only.
const SCHEME: Stamped = Stamped::new("Stripe-Signature", Unit::Seconds, Duration::from_secs(300), ",");

struct Webhooks {
    keys: Keys,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        SCHEME.verify(&self.keys, request)
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        let event = match Received::json::<wire::Event>(request.body) {
            Ok(event) => event,
            Err(malformed) => return vec![*malformed],
        };
        let object = &event.data.object;
        let account = event.account.get().or(object.customer());
        let received = Received::new(&event.id, &event.r#type, request.body.clone());
        vec![received.in_lane(object.subscription().or(object.customer())).occurred(event.created.0).about(account)]
    }

    fn sign(&self, request: &WebhookRequest<'_>) -> Result<Headers> {
        Ok(SCHEME.sign(&self.keys, request))
    }
}

mod wire {
    use serde::Deserialize;

    use crate::loose::{self, Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Event {
        pub(super) id: String,
        pub(super) r#type: String,
        #[serde(default)]
        pub(super) created: Moment,
        #[serde(default)]
        pub(super) account: Text,
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) data: Data,
    }

    #[derive(Default, Deserialize)]
    pub(super) struct Data {
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) object: Object,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Object {
        id: Text,
        object: Text,
        customer: Text,
        subscription: Text,
        #[serde(deserialize_with = "loose::object")]
        parent: Parent,
    }

    /// The object that an invoice is for, since API version 2025-03-31.
    #[derive(Default, Deserialize)]
    struct Parent {
        #[serde(default, deserialize_with = "loose::object")]
        subscription_details: SubscriptionDetails,
    }

    #[derive(Default, Deserialize)]
    struct SubscriptionDetails {
        #[serde(default)]
        subscription: Text,
    }

    impl Object {
        pub(super) fn subscription(&self) -> Option<&str> {
            let own = self.id.get().filter(|_| self.object.get() == Some("subscription"));
            own.or(self.subscription.get()).or(self.parent.subscription_details.subscription.get())
        }

        pub(super) fn customer(&self) -> Option<&str> {
            let own = self.id.get().filter(|_| self.object.get() == Some("customer"));
            own.or(self.customer.get())
        }
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Stripe {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("STRIPE_SECRET_KEY", "sk_test_0123456789"), ("NEXT_PUBLIC_STRIPE_PUBLIC_KEY", "pk_test_0123456789")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("STRIPE_WEBHOOK_SECRET", "whsec_test_secret")],
                other_secret: "whsec_another_secret",
                body: r#"{"id":"evt_1","object":"event","type":"customer.subscription.updated","created":1767225600,
                    "data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_1"}}}"#,
                window: Some(SCHEME.window),
                covers_body: true,
                sign: None,
            })
        }
    }

    fn lane(object: &str) -> [Option<String>; 2] {
        let body = format!(r#"{{"id":"evt_1","type":"t","data":{{"object":{object}}}}}"#);
        let event: wire::Event = serde_json::from_str(&body).unwrap();
        [event.data.object.subscription(), event.data.object.customer()].map(|id| id.map(str::to_owned))
    }

    #[test]
    fn the_subscription_of_an_invoice_is_found_in_old_and_new_api_versions() {
        let old = lane(r#"{"id":"in_1","object":"invoice","customer":"cus_1","subscription":"sub_1"}"#);
        let new = lane(
            r#"{"id":"in_1","object":"invoice","customer":{"id":"cus_1"},
                "parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1"}}}"#,
        );
        assert_eq!(old, [Some("sub_1".to_owned()), Some("cus_1".to_owned())]);
        assert_eq!(new, old);
        assert_eq!(lane(r#"{"id":"cus_1","object":"customer"}"#), [None, Some("cus_1".to_owned())]);
        assert_eq!(lane(r#"{"id":"cs_1","parent":null}"#), [None, None]);
    }
}
