//! Salesforce.
//!
//! Salesforce sends no signed webhooks. A Flow (or Apex) of yours calls us with a secret in a header, as
//! `X-Trunkline-Secret` or as `Authorization: Bearer`, over TLS, and with this JSON, of which only `type` is required:
//!
//! ```json
//! {"id": "unique per event", "type": "Lead.updated", "occurredAt": "2026-01-01T00:00:00Z",
//!  "organizationId": "00D…", "recordId": "00Q…", "data": {}}
//! ```
//!
//! Without an `id` the hash of the body is the id, so that two equal bodies are one event.

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{Headers, Tokens, header, malformed},
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// Salesforce.
pub struct Salesforce;

/// The settings for calling Salesforce.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Consumer key of the connected app: Salesforce → Setup → App Manager → the app → Manage Consumer Details.
    pub salesforce_client_id: String,
    /// Consumer secret of the connected app: on the same page.
    pub salesforce_client_secret: Option<Secret>,
    /// Refresh token of a user who authorised the connected app.
    pub salesforce_refresh_token: Secret,
    /// Where to sign in: `https://test.salesforce.com` for a sandbox, or your own domain.
    #[serde(default = "login_url")]
    pub salesforce_login_url: Url,
}

fn login_url() -> Url {
    Url::parse("https://login.salesforce.com").expect("a constant address is valid")
}

/// The settings for receiving events from Salesforce.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Secret of your choice: your Flow sends it as the header `X-Trunkline-Secret`. Several, separated by commas,
    /// while you replace it.
    pub salesforce_webhook_secret: Secret,
}

impl Vendor for Salesforce {
    const ID: &'static str = "salesforce";
    const TITLE: &'static str = "Salesforce";
    const WEBHOOK_PATHS: &'static [&'static str] = &["/api/crm/webhooks/salesforce"];

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let secrets = settings.salesforce_webhook_secret;
        let tokens = Tokens::required(secrets.rotation(), "SALESFORCE_WEBHOOK_SECRET")?;
        Ok(Box::new(Webhooks { tokens, secrets }))
    }
}

const SECRET: &str = "X-Trunkline-Secret";

struct Webhooks {
    tokens: Tokens,
    secrets: Secret,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        let given = match (request.header(SECRET), request.header("Authorization")) {
            (Some(secret), _) => secret,
            (None, Some(bearer)) => bearer.strip_prefix("Bearer ").ok_or_else(|| malformed("Authorization"))?,
            (None, None) => header(request, &[SECRET])?,
        };
        self.tokens.verify(given)
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        match Received::json::<wire::Event>(request.body) {
            Ok(event) => vec![
                Received::new(event.id.or_empty(), &event.r#type, request.body.clone())
                    .in_lane(event.record_id.get())
                    .occurred(event.occurred_at.0)
                    .about(event.organization_id.get()),
            ],
            Err(malformed) => vec![*malformed],
        }
    }

    fn sign(&self, _request: &WebhookRequest<'_>) -> Result<Headers> {
        Ok(self.secrets.rotation().take(1).map(|first| (SECRET, first.to_owned())).collect())
    }
}

mod wire {
    use serde::Deserialize;

    use crate::loose::{Moment, Text};

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Event {
        pub(super) r#type: String,
        #[serde(default)]
        pub(super) id: Text,
        #[serde(default)]
        pub(super) record_id: Text,
        #[serde(default)]
        pub(super) organization_id: Text,
        #[serde(default)]
        pub(super) occurred_at: Moment,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, Method};
    use kernel::Time;
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Salesforce {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[
            ("SALESFORCE_CLIENT_ID", "3MVG90123456789"),
            ("SALESFORCE_CLIENT_SECRET", "secret-0123456789"),
            ("SALESFORCE_REFRESH_TOKEN", "5Aep8610123456789"),
        ];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("SALESFORCE_WEBHOOK_SECRET", "a shared secret")],
                other_secret: "a different one",
                body: r#"{"id":"e1","type":"Lead.updated","recordId":"00Q1","organizationId":"00D1",
                    "occurredAt":"2026-01-01T00:00:00Z"}"#,
                window: None,
                covers_body: false,
                sign: None,
            })
        }
    }

    #[test]
    fn the_secret_is_accepted_as_a_header_of_its_own_or_as_a_bearer_token() {
        let settings = WebhookSettings { salesforce_webhook_secret: Secret::new("s3cret") };
        let source = Salesforce::webhooks(settings).unwrap();
        let verify = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            let (method, received_at) = (&Method::POST, Time::from_ms(0));
            source.verify(&WebhookRequest { method, url: "/", headers: &headers, body: &Bytes::new(), received_at })
        };
        verify("x-trunkline-secret", "s3cret").unwrap();
        verify("authorization", "Bearer s3cret").unwrap();
        for (name, value) in [("authorization", "s3cret"), ("authorization", "Basic s3cret"), ("x-secret", "s3cret")] {
            assert!(verify(name, value).is_err(), "{name}: {value}");
        }
    }
}
