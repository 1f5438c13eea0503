//! Any sender of Standard Webhooks: <https://github.com/standard-webhooks/standard-webhooks>, version 1.0.0.

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest,
    signature::{Keys, Names, StandardWebhooks},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Any sender of Standard Webhooks.
pub struct Generic;

/// There are no settings, because nothing is called.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {}

/// The settings for receiving Standard Webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Secret that you share with the sender: `whsec_` and 24 to 64 random bytes in base64. Several, separated by
    /// commas, while you replace it.
    pub generic_webhook_secret: Secret,
}

impl Vendor for Generic {
    const ID: &'static str = "generic";
    const TITLE: &'static str = "Standard Webhooks";

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::whsec(settings.generic_webhook_secret.rotation(), "GENERIC_WEBHOOK_SECRET")?;
        Ok(StandardWebhooks::new(keys, Names::Webhook).source(event))
    }
}

fn event(request: &WebhookRequest<'_>) -> Result<Received, Box<Received>> {
    let event = Received::json::<wire::Event>(request.body)?;
    let id = StandardWebhooks::id(request).unwrap_or_default();
    Ok(Received::new(id, event.r#type, request.body.clone()).occurred(event.timestamp.0))
}

mod wire {
    use serde::Deserialize;

    use crate::loose::Moment;

    #[derive(Deserialize)]
    pub(super) struct Event {
        pub(super) r#type: String,
        #[serde(default)]
        pub(super) timestamp: Moment,
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Generic {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("GENERIC_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
                other_secret: "whsec_bmV3LXNlY3JldC0wMTIzNDU2Nzg5YWJjZGVmISE=",
                body: r#"{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1"}}"#,
                window: Some(StandardWebhooks::WINDOW),
                covers_body: true,
                sign: None,
            })
        }
    }
}
