//! Pipedrive.
//!
//! Webhooks, version 2: <https://pipedrive.readme.io/docs/guide-for-webhooks-v2>. Pipedrive does not sign: HTTP Basic
//! credentials that you choose come with each request, over TLS.

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{Headers, Tokens, basic, header},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Pipedrive.
pub struct Pipedrive;

/// The settings for calling Pipedrive.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// API token: Pipedrive → Personal preferences → API.
    pub pipedrive_api_token: Secret,
}

/// The settings for receiving Pipedrive's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// User name of your choice: entered too as the HTTP authentication user of the webhook, at Pipedrive → Tools and
    /// apps → Webhooks.
    pub pipedrive_webhook_user: String,
    /// Password of your choice: entered too as the HTTP authentication password of the webhook. Several, separated by
    /// commas, while you replace it.
    pub pipedrive_webhook_password: Secret,
}

impl Vendor for Pipedrive {
    const ID: &'static str = "pipedrive";
    const TITLE: &'static str = "Pipedrive";
    const WEBHOOK_PATHS: &'static [&'static str] = &["/api/crm/webhooks/pipedrive"];

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let user = &settings.pipedrive_webhook_user;
        let accepted: Vec<Secret> =
            settings.pipedrive_webhook_password.rotation().map(|password| Secret::new(basic(user, password))).collect();
        let tokens = Tokens::required(accepted.iter().map(Secret::expose), "PIPEDRIVE_WEBHOOK_PASSWORD")?;
        Ok(Box::new(Webhooks { tokens, first: accepted.into_iter().next() }))
    }
}

struct Webhooks {
    tokens: Tokens,
    first: Option<Secret>,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.tokens.verify(header(request, &["Authorization"])?)
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        let event = match Received::json::<wire::Event<'_>>(request.body) {
            Ok(event) => event,
            Err(malformed) => return vec![*malformed],
        };
        let received = Received::new(event.id(), event.meta.kind(), request.body.clone());
        vec![received.in_lane(event.meta.lane()).occurred(event.meta.timestamp.0).about(event.meta.company_id.get())]
    }

    fn sign(&self, _request: &WebhookRequest<'_>) -> Result<Headers> {
        Ok(self.first.iter().map(|first| ("Authorization", first.expose().to_owned())).collect())
    }
}

mod wire {
    use provider::signature::sha256_hex;
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use crate::loose::{Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Event<'a> {
        pub(super) meta: Meta,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
        #[serde(borrow, default)]
        previous: Option<&'a RawValue>,
    }

    #[derive(Deserialize)]
    pub(super) struct Meta {
        action: String,
        entity: String,
        #[serde(default)]
        entity_id: Text,
        #[serde(default)]
        webhook_id: Text,
        #[serde(default)]
        correlation_id: Text,
        #[serde(default)]
        pub(super) company_id: Text,
        #[serde(default)]
        pub(super) timestamp: Moment,
    }

    impl Meta {
        pub(super) fn kind(&self) -> String {
            format!("{}.{}", self.action, self.entity)
        }

        pub(super) fn lane(&self) -> Option<String> {
            self.entity_id.get().map(|id| format!("{}:{id}", self.entity))
        }
    }

    impl Event<'_> {
        /// Returns an id that is the same on every attempt. The body's hash is not: `meta` contains the number of the
        /// attempt.
        pub(super) fn id(&self) -> String {
            let Meta { webhook_id, correlation_id, entity_id, .. } = &self.meta;
            if let Some(correlation) = correlation_id.get() {
                let (webhook, entity) = (webhook_id.or_empty(), entity_id.or_empty());
                return format!("{webhook}:{correlation}:{}:{entity}", self.meta.kind());
            }
            let text = |raw: Option<&RawValue>| raw.map_or("", RawValue::get).to_owned();
            let time = self.meta.timestamp.0.map_or(0, kernel::Time::ms);
            let named = format!("{}\n{}\n{time}\n", self.meta.kind(), entity_id.or_empty());
            sha256_hex(&[named.as_bytes(), text(self.data).as_bytes(), b"\n", text(self.previous).as_bytes()])
        }
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Pipedrive {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[("PIPEDRIVE_API_TOKEN", "0123456789abcdef")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("PIPEDRIVE_WEBHOOK_PASSWORD", "s3cret-s3cret"), ("PIPEDRIVE_WEBHOOK_USER", "hook")],
                other_secret: "another-secret",
                body: r#"{"data":{"id":5,"name":"Ada"},"previous":null,"meta":{"action":"create","entity":"person",
                    "entity_id":"5","company_id":"3","webhook_id":"7","correlation_id":"c-1","attempt":1,
                    "timestamp":"2026-01-01T00:00:00.000Z","version":"2.0"}}"#,
                window: None,
                covers_body: false,
                sign: None,
            })
        }
    }

    #[test]
    fn the_number_of_the_attempt_is_no_part_of_the_id() {
        let id = |attempt: u8, correlation: &str| {
            let body = format!(
                r#"{{"data":{{"id":5}},"meta":{{"action":"change","entity":"deal","attempt":{attempt}{correlation}}}}}"#
            );
            serde_json::from_str::<wire::Event<'_>>(&body).unwrap().id()
        };
        assert_eq!(id(1, ""), id(2, ""));
        let with = r#","correlation_id":"c-1","webhook_id":7,"entity_id":5"#;
        assert_eq!(id(1, with), "7:c-1:change.deal:5");
        assert_eq!(id(1, with), id(2, with));
    }
}
