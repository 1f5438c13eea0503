//! Clerk.
//!
//! Webhooks: <https://clerk.com/docs/webhooks/overview>, by Svix, checked against `@clerk/backend` 3.20.1. Times count
//! milliseconds.

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest,
    auth::{ClaimNames, Issuer, Issuing, TokenSettings},
    signature::{Keys, Names, StandardWebhooks},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Clerk.
pub struct Clerk;

/// The settings for signing in with Clerk.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Secret key: Clerk Dashboard → API keys. Begins with `sk_`.
    pub clerk_secret_key: Secret,
    /// Publishable key, for the browser: on the same page. Begins with `pk_`.
    pub next_public_clerk_publishable_key: Option<String>,
}

/// The settings for accepting Clerk's tokens.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Issuer of session tokens: the Frontend API URL at Clerk Dashboard → API keys, such as
    /// `https://example.clerk.accounts.dev`.
    pub clerk_jwt_issuer_domain: String,
    /// Audience of tokens from a JWT template that sets one: `convex`. Several, separated by commas, are all accepted.
    /// Session tokens have no audience.
    #[serde(default)]
    pub clerk_jwt_audience: Vec<String>,
}

impl TokenSettings for Tokens {
    /// Tokens of version 1 have `org_id` and `org_role`, `org:admin`; those of version 2 have an object `o` with `id`
    /// and `rol`, `admin`. A session with the status `pending` has tasks to complete: its person is not signed in yet.
    fn issuers(self) -> Result<Vec<Issuer>> {
        let base = super::base("CLERK_JWT_ISSUER_DOMAIN", &self.clerk_jwt_issuer_domain)?;
        let names = |names: [&str; 4]| names.map(str::to_owned).to_vec();
        Ok(vec![Issuer {
            audience: self.clerk_jwt_audience,
            claims: ClaimNames {
                organization: names(["o.id", "org_id", "organization_id", "organization"]),
                role: names(["o.rol", "org_role", "organization_role", "role"]),
                role_prefix: "org:",
                ..ClaimNames::default()
            },
            refuses: Some(("sts", "pending".into())),
            ..Issuer::new([base.name], base.keys)
        }])
    }
}

/// The settings for receiving Clerk's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Signing secret: Clerk Dashboard → Webhooks → the endpoint. Begins with `whsec_`. Several, separated by commas,
    /// while you replace it.
    pub clerk_webhook_signing_secret: Secret,
}

impl Vendor for Clerk {
    const ID: &'static str = "clerk";
    const TITLE: &'static str = "Clerk";

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn issuing() -> Option<Issuing> {
        Some(Issuing::of::<Tokens>())
    }

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::whsec(settings.clerk_webhook_signing_secret.rotation(), "CLERK_WEBHOOK_SIGNING_SECRET")?;
        Ok(StandardWebhooks::new(keys, Names::Svix).source(event))
    }
}

fn event(request: &WebhookRequest<'_>) -> Result<Received, Box<Received>> {
    let event = Received::json::<wire::Event>(request.body)?;
    let id = StandardWebhooks::id(request).unwrap_or_default();
    let received = Received::new(id, &event.r#type, request.body.clone());
    Ok(received.in_lane(event.lane()).occurred(event.timestamp.0).about(event.organization()))
}

mod wire {
    use serde::Deserialize;

    use crate::loose::{self, Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Event {
        pub(super) r#type: String,
        #[serde(default)]
        pub(super) timestamp: Moment,
        #[serde(default, deserialize_with = "loose::object")]
        data: Data,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Data {
        id: Text,
        organization: Text,
        organization_id: Text,
        user_id: Text,
    }

    impl Event {
        pub(super) fn organization(&self) -> Option<&str> {
            let own = self.data.id.get().filter(|_| self.r#type.starts_with("organization."));
            own.or(self.data.organization.get()).or(self.data.organization_id.get())
        }

        /// An organization's memberships and invitations share the lane of the organization.
        pub(super) fn lane(&self) -> Option<&str> {
            self.organization().or(self.data.user_id.get()).or(self.data.id.get())
        }
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Clerk {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[
            ("CLERK_SECRET_KEY", "sk_test_0123456789"),
            ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_test_0123456789"),
        ];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
                other_secret: "whsec_bmV3LXNlY3JldC0wMTIzNDU2Nzg5YWJjZGVmISE=",
                body: r#"{"object":"event","type":"organizationMembership.created","timestamp":1767225600000,
                    "data":{"id":"orgmem_1","organization":{"id":"org_1"},"public_user_data":{"user_id":"user_1"}}}"#,
                window: Some(StandardWebhooks::WINDOW),
                covers_body: true,
                sign: None,
            })
        }
    }

    #[test]
    fn a_deleted_object_is_still_in_its_lane() {
        let body = r#"{"type":"user.deleted","data":{"object":"user","id":"user_1","deleted":true}}"#;
        assert_eq!(serde_json::from_str::<wire::Event>(body).unwrap().lane(), Some("user_1"));
        let body = r#"{"type":"organization.deleted","data":{"object":"organization","id":"org_1","deleted":true}}"#;
        assert_eq!(serde_json::from_str::<wire::Event>(body).unwrap().organization(), Some("org_1"));
    }
}
