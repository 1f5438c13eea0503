//! Resend.
//!
//! Webhooks: <https://resend.com/docs/dashboard/webhooks/introduction>, by Svix, checked against the `resend` package
//! 6.38.0.

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest,
    signature::{Keys, Names, StandardWebhooks},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Resend.
pub struct Resend;

/// The settings for sending with Resend.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// API key: Resend → API Keys. Begins with `re_`.
    pub resend_api_key: Secret,
    /// Sender of e-mail: an address of a domain that is verified at Resend → Domains, such as
    /// `Trunkline <hello@example.com>`.
    pub resend_from_email: String,
}

/// The settings for receiving Resend's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Signing secret: Resend → Webhooks → the webhook. Begins with `whsec_`. Several, separated by commas, while you
    /// rotate it.
    pub resend_webhook_secret: Secret,
}

impl Vendor for Resend {
    const ID: &'static str = "resend";
    const TITLE: &'static str = "Resend";

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::whsec(settings.resend_webhook_secret.rotation(), "RESEND_WEBHOOK_SECRET")?;
        Ok(StandardWebhooks::new(keys, Names::Svix).source(event))
    }
}

fn event(request: &WebhookRequest<'_>) -> Result<Received, Box<Received>> {
    let event = Received::json::<wire::Event>(request.body)?;
    let id = StandardWebhooks::id(request).unwrap_or_default();
    let received = Received::new(id, &event.r#type, request.body.clone());
    Ok(received.in_lane(event.data.email_id.get().or(event.data.id.get())).occurred(event.created_at.0))
}

mod wire {
    use serde::Deserialize;

    use crate::loose::{self, Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Event {
        pub(super) r#type: String,
        #[serde(default)]
        pub(super) created_at: Moment,
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) data: Data,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Data {
        pub(super) email_id: Text,
        pub(super) id: Text,
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Resend {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("RESEND_API_KEY", "re_0123456789"), ("RESEND_FROM_EMAIL", "Trunkline <hello@example.com>")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("RESEND_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
                other_secret: "whsec_bmV3LXNlY3JldC0wMTIzNDU2Nzg5YWJjZGVmISE=",
                body: r#"{"type":"email.bounced","created_at":"2026-01-01T00:00:00.000Z",
                    "data":{"email_id":"e_1","to":["a@example.com"],"bounce":{"type":"Permanent"}}}"#,
                window: Some(StandardWebhooks::WINDOW),
                covers_body: true,
                sign: None,
            })
        }
    }
}
