//! WorkOS.
//!
//! Webhooks: <https://workos.com/docs/events/data-syncing/webhooks>, checked against `@workos-inc/node` 8.13.0. The time
//! counts milliseconds. That package signs re-serialised JSON; what arrives is signed as it arrives, so the raw bytes are
//! what counts.

use std::time::Duration;

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest, WebhookSource,
    auth::{Issuer, Issuing, TokenSettings},
    signature::{Headers, Keys, Stamped, Unit},
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// WorkOS.
pub struct WorkOs;

/// The settings for signing in with WorkOS.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Client id: WorkOS Dashboard → API Keys. Begins with `client_`.
    pub workos_client_id: String,
    /// API key: WorkOS Dashboard → API Keys. Begins with `sk_`.
    pub workos_api_key: Secret,
    /// Password that seals session cookies: any random text of at least 32 characters, the same in every product that
    /// reads the cookie.
    pub workos_cookie_password: Secret,
    /// Where WorkOS sends people back to: the address of `/callback`, entered too at WorkOS Dashboard → Redirects.
    pub workos_redirect_uri: Url,
}

/// The settings for accepting WorkOS's tokens.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Client id: WorkOS Dashboard → API Keys. Begins with `client_`.
    pub workos_client_id: String,
    /// Another base address, for a stand-in or a proxy.
    #[serde(default = "api_base")]
    pub workos_api_base: Url,
    /// Further values of `iss` in WorkOS's tokens, separated by commas: such as `https://auth.example.com` where WorkOS
    /// runs under a domain of yours.
    #[serde(default)]
    pub workos_jwt_issuers: Vec<String>,
}

fn api_base() -> Url {
    Url::parse("https://api.workos.com").expect("the address is written out here")
}

impl TokenSettings for Tokens {
    /// Older environments use the API's address as the issuer's name, with and without a slash; newer ones, since the
    /// middle of 2025, append their client id. The keys are those of this client alone in any case.
    fn issuers(self) -> Result<Vec<Issuer>> {
        let (client, base) = (&self.workos_client_id, self.workos_api_base.as_str().trim_end_matches('/'));
        let mut names = vec![base.to_owned(), format!("{base}/"), format!("{base}/user_management/{client}")];
        names.extend(self.workos_jwt_issuers);
        let mut keys = self.workos_api_base.clone();
        if let Ok(mut path) = keys.path_segments_mut() {
            path.pop_if_empty().extend(["sso", "jwks", &self.workos_client_id]);
        }
        Ok(vec![Issuer::new(names, super::keys("WORKOS_API_BASE", keys.as_str())?)])
    }
}

/// The settings for receiving WorkOS's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Signing secret: WorkOS Dashboard → Webhooks → the endpoint. Several, separated by commas, while you replace it.
    pub workos_webhook_secret: Secret,
}

impl Vendor for WorkOs {
    const ID: &'static str = "workos";
    const TITLE: &'static str = "WorkOS";

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn issuing() -> Option<Issuing> {
        Some(Issuing::of::<Tokens>())
    }

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::text(&settings.workos_webhook_secret, "WORKOS_WEBHOOK_SECRET")?;
        Ok(Box::new(Webhooks { keys }))
    }
}

/// Three minutes into the past, as in the vendor's Node package, which does not check the future.
const SCHEME: Stamped = Stamped::new("WorkOS-Signature", Unit::Milliseconds, Duration::from_secs(180), ", ");

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
        let received = Received::new(&event.id, &event.event, request.body.clone());
        vec![received.in_lane(event.lane()).occurred(event.created_at.0).about(event.organization())]
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
        pub(super) event: String,
        #[serde(default)]
        pub(super) created_at: Moment,
        #[serde(default, deserialize_with = "loose::object")]
        data: Data,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Data {
        id: Text,
        organization_id: Text,
        user_id: Text,
    }

    impl Event {
        pub(super) fn organization(&self) -> Option<&str> {
            let own = self.data.id.get().filter(|_| self.event.starts_with("organization."));
            own.or(self.data.organization_id.get())
        }

        /// An organization's members, invitations and domains share the lane of the organization.
        pub(super) fn lane(&self) -> Option<&str> {
            self.organization().or(self.data.user_id.get()).or(self.data.id.get())
        }
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for WorkOs {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[
            ("WORKOS_CLIENT_ID", "client_0123456789"),
            ("WORKOS_API_KEY", "sk_test_0123456789"),
            ("WORKOS_COOKIE_PASSWORD", "aaaaaaaa-cookie-password-at-least-32-chars"),
            ("WORKOS_REDIRECT_URI", "http://localhost:3000/callback"),
        ];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("WORKOS_WEBHOOK_SECRET", "0123456789abcdef")],
                other_secret: "another secret",
                body: r#"{"id":"event_1","event":"organization_membership.created","created_at":"2026-01-01T00:00:00.000Z",
                    "data":{"object":"organization_membership","id":"om_1","organization_id":"org_1","user_id":"user_1"}}"#,
                window: Some(SCHEME.window),
                covers_body: true,
                sign: None,
            })
        }
    }

    #[test]
    fn an_organization_and_its_memberships_share_a_lane() {
        for body in [
            r#"{"id":"1","event":"organization.updated","data":{"id":"org_1"}}"#,
            r#"{"id":"2","event":"organization_membership.deleted","data":{"id":"om_1","organization_id":"org_1"}}"#,
        ] {
            assert_eq!(serde_json::from_str::<wire::Event>(body).unwrap().lane(), Some("org_1"));
        }
        let user = r#"{"id":"3","event":"user.created","data":{"id":"user_1"}}"#;
        assert_eq!(serde_json::from_str::<wire::Event>(user).unwrap().lane(), Some("user_1"));
    }
}
