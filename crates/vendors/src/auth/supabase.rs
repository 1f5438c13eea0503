//! Supabase Auth: its tokens and its HTTP hooks.
//!
//! Hooks: <https://supabase.com/docs/guides/auth/auth-hooks>, checked against `supabase/auth` (`hookshttp.go`). Standard
//! Webhooks with three differences: several signatures are joined by comma and space, a secret is written
//! `v1,whsec_…`, and `webhook-id` is a new one on every attempt, so that the body's hash is the id.

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest,
    auth::{ClaimNames, Issuer, Issuing, TokenSettings},
    signature::{Keys, Names, StandardWebhooks},
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// Supabase Auth.
pub struct Supabase;

/// The settings for signing in with Supabase.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Project URL: Supabase Dashboard → Project Settings → Data API, such as `https://abcdefgh.supabase.co`.
    pub next_public_supabase_url: Url,
    /// Anonymous (publishable) key, for the browser: Supabase Dashboard → Project Settings → API Keys.
    pub next_public_supabase_anon_key: String,
    /// Service role (secret) key, which passes every row-level rule: on the same page.
    pub supabase_service_role_key: Option<Secret>,
}

/// The settings for accepting Supabase's tokens. The project must sign with an asymmetric key (Dashboard → JWT Keys).
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Project URL: Supabase Dashboard → Project Settings → Data API, such as `https://abcdefgh.supabase.co`.
    pub next_public_supabase_url: Url,
}

impl TokenSettings for Tokens {
    /// The claim `role` is a role of the database and not of an organization. The organization is in `app_metadata`,
    /// which only a server can write; `user_metadata` is written by the users themselves.
    fn issuers(self) -> Result<Vec<Issuer>> {
        let name = format!("{}/auth/v1", self.next_public_supabase_url.as_str().trim_end_matches('/'));
        let keys = super::keys("NEXT_PUBLIC_SUPABASE_URL", &format!("{name}/.well-known/jwks.json"))?;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Ok(vec![Issuer {
            audience: vec!["authenticated".to_owned()],
            claims: ClaimNames {
                organization: names(&["app_metadata.org_id", "app_metadata.organization"]),
                role: names(&["app_metadata.role"]),
                name: names(&["user_metadata.full_name", "user_metadata.name"]),
                picture: names(&["user_metadata.avatar_url", "user_metadata.picture"]),
                ..ClaimNames::default()
            },
            ..Issuer::new([name], keys)
        }])
    }
}

/// The settings for receiving Supabase's hooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Secret of the hook: Supabase Dashboard → Authentication → Hooks, as shown there: `v1,whsec_…`. Several,
    /// separated by `|` or commas, while you replace it.
    pub supabase_webhook_secret: Secret,
}

impl Vendor for Supabase {
    const ID: &'static str = "supabase";
    const TITLE: &'static str = "Supabase Auth";

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn issuing() -> Option<Issuing> {
        Some(Issuing::of::<Tokens>())
    }

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::whsec(secrets(settings.supabase_webhook_secret.expose()), "SUPABASE_WEBHOOK_SECRET")?;
        Ok(StandardWebhooks::new(keys, Names::Webhook).source(event))
    }
}

/// Splits `v1,whsec_a|v1,whsec_b` into secrets. The comma after the version is also the comma between secrets:
/// splitting at both leaves the versions as separate pieces.
fn secrets(text: &str) -> impl Iterator<Item = &str> {
    text.split(['|', ',']).map(str::trim).filter(|piece| !piece.is_empty() && *piece != "v1")
}

fn event(request: &WebhookRequest<'_>) -> Result<Received, Box<Received>> {
    let hook = Received::json::<wire::Hook>(request.body)?;
    let id = Received::hashed_id(hook.kind(), request.body);
    let received = Received::new(id, hook.kind(), request.body.clone());
    Ok(received.in_lane(hook.user()).occurred(hook.metadata.time.0))
}

mod wire {
    use serde::{Deserialize, de::IgnoredAny};

    use crate::loose::{self, Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Hook {
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
        #[serde(default)]
        user: Text,
        #[serde(default)]
        user_id: Text,
        sms: Option<IgnoredAny>,
        email_data: Option<IgnoredAny>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Metadata {
        name: Text,
        pub(super) time: Moment,
    }

    impl Hook {
        /// The two hooks that send messages are older than the name in the metadata.
        pub(super) fn kind(&self) -> &str {
            match (self.metadata.name.get(), &self.sms, &self.email_data) {
                (Some(name), _, _) => name,
                (None, Some(_), _) => "send-sms",
                (None, None, Some(_)) => "send-email",
                (None, None, None) => "hook",
            }
        }

        pub(super) fn user(&self) -> Option<&str> {
            self.user.get().or(self.user_id.get())
        }
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Supabase {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[
            ("NEXT_PUBLIC_SUPABASE_URL", "https://abcdefgh.supabase.co"),
            ("NEXT_PUBLIC_SUPABASE_ANON_KEY", "anon_0123456789"),
            ("SUPABASE_SERVICE_ROLE_KEY", "service_0123456789"),
        ];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("SUPABASE_WEBHOOK_SECRET", "v1,whsec_c3VwYWJhc2UtaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi")],
                other_secret: "v1,whsec_c2Vjb25kLWhvb2stc2VjcmV0LTAxMjM0NTY3ODlhYmNk",
                body: r#"{"metadata":{"name":"before-user-created","time":"2026-01-01T00:00:00Z"},"user":{"id":"u1"}}"#,
                window: Some(StandardWebhooks::WINDOW),
                covers_body: true,
                sign: None,
            })
        }
    }

    #[test]
    fn secrets_are_read_as_the_dashboard_and_the_server_write_them() {
        for text in ["v1,whsec_a|v1,whsec_b", "v1,whsec_a,v1,whsec_b", "whsec_a, whsec_b", "v1,whsec_a | v1,whsec_b,"] {
            assert_eq!(secrets(text).collect::<Vec<_>>(), ["whsec_a", "whsec_b"], "{text}");
        }
    }

    #[test]
    fn a_hook_without_a_name_is_known_by_what_it_carries() {
        for (body, kind) in [
            (r#"{"user":{"id":"u"},"sms":{"otp":"1"}}"#, "send-sms"),
            (r#"{"user":{"id":"u"},"email_data":{}}"#, "send-email"),
            (r#"{"user_id":"u","claims":{}}"#, "hook"),
        ] {
            let hook: wire::Hook = serde_json::from_str(body).unwrap();
            assert_eq!((hook.kind(), hook.user()), (kind, Some("u")));
        }
    }
}
