//! WhatsApp Cloud API, by Meta.
//!
//! Webhooks: <https://developers.facebook.com/docs/graph-api/webhooks/getting-started>, payloads of API version v23.0
//! and later. The signature covers the body alone, without a time; Meta repeats for seven days, in no order.

use kernel::{Error, Result, Secret, Time};
use provider::{
    BoxedSource, Challenge, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{Headers, Keys, Tokens},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    challenge,
    meta::{self, version},
};

/// WhatsApp Cloud API.
pub struct WhatsApp;

/// The settings for calling WhatsApp.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Permanent access token of a system user: Meta Business Suite → Settings → System users → Generate token, with
    /// the permissions `whatsapp_business_messaging` and `whatsapp_business_management`.
    pub whatsapp_access_token: Secret,
    /// Id of the sending number (not the number itself): Meta app → WhatsApp → API Setup.
    pub whatsapp_phone_number_id: String,
    /// Version of the Graph API. Meta ends old versions: `trunkline doctor` says when, as far as it is known.
    #[serde(default = "api_version")]
    pub whatsapp_api_version: String,
}

fn api_version() -> String {
    version::DEFAULT.to_owned()
}

/// The settings for receiving WhatsApp's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// App secret, which signs webhooks: Meta app → App settings → Basic. Several, separated by commas, while you
    /// replace it.
    pub whatsapp_app_secret: Secret,
    /// Verify token: a text of your choice, entered again at Meta app → WhatsApp → Configuration → Webhook.
    pub whatsapp_webhook_verify_token: Option<Secret>,
}

impl Vendor for WhatsApp {
    const ID: &'static str = "whatsapp";
    const TITLE: &'static str = "WhatsApp";
    const WEBHOOK_PATHS: &'static [&'static str] = &["/api/webhooks/whatsapp"];

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn advice(settings: &Settings, now: Time) -> Option<String> {
        version::advice(&settings.whatsapp_api_version, now).map(|advice| format!("WHATSAPP_API_VERSION: {advice}"))
    }

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::text(&settings.whatsapp_app_secret, "WHATSAPP_APP_SECRET")?;
        let tokens = Tokens::new(settings.whatsapp_webhook_verify_token.iter().flat_map(Secret::rotation));
        Ok(Box::new(Webhooks { keys, tokens }))
    }
}

const SIGNATURE: &str = "X-Hub-Signature-256";
const PREFIX: &str = "sha256=";

struct Webhooks {
    keys: Keys,
    tokens: Tokens,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.keys.verify_body(request, &[SIGNATURE], PREFIX)
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        meta::events(request.body)
    }

    fn sign(&self, request: &WebhookRequest<'_>) -> Result<Headers> {
        Ok(self.keys.sign_body(request, SIGNATURE, PREFIX))
    }

    fn challenge(&self, query: &Challenge<'_>) -> Result<String> {
        if self.tokens.is_empty() {
            return Err(Error::config(
                "setting_missing",
                "WHATSAPP_WEBHOOK_VERIFY_TOKEN is not set: choose a text and enter it at Meta too",
            ));
        }
        let known = query.get("hub.verify_token").is_some_and(|token| self.tokens.verify(token).is_ok());
        if query.get("hub.mode") != Some("subscribe") || !known {
            return Err(challenge::wrong_token());
        }
        challenge::answer(query.get("hub.challenge"))
    }

    fn max_body(&self) -> Option<usize> {
        Some(meta::MAX_BODY)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Code;
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for WhatsApp {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("WHATSAPP_ACCESS_TOKEN", "EAAG0123456789"), ("WHATSAPP_PHONE_NUMBER_ID", "106540352242922")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("WHATSAPP_APP_SECRET", "0123456789abcdef0123456789abcdef")],
                other_secret: "another_secret",
                body: r#"{"object":"whatsapp_business_account","entry":[{"id":"0","changes":[{"field":"messages",
                    "value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"1"},"contacts":[{"wa_id":"2"}],
                    "messages":[{"from":"2","id":"wamid.1","timestamp":"1767225600","type":"text"},{"id":"wamid.2"}],
                    "statuses":[{"id":"wamid.3","status":"read","recipient_id":"2"}]}}]}]}"#,
                window: None,
                covers_body: true,
                sign: None,
            })
        }
    }

    fn ask(token: Option<&str>, query: &[(&str, &str)]) -> Result<String> {
        let settings = WebhookSettings {
            whatsapp_app_secret: Secret::new("s"),
            whatsapp_webhook_verify_token: token.map(Secret::new),
        };
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        WhatsApp::webhooks(settings)?.challenge(&Challenge(&query))
    }

    #[test]
    fn the_challenge_is_answered_to_who_knows_the_verify_token() {
        let (mode, token, text) =
            (("hub.mode", "subscribe"), ("hub.verify_token", "token"), ("hub.challenge", "1158201444"));
        assert_eq!(ask(Some("token"), &[mode, token, text]).unwrap(), "1158201444");
        for wrong in [&[mode, ("hub.verify_token", "Token"), text][..], &[token, text], &[mode, text], &[]] {
            assert_eq!(ask(Some("token"), wrong).unwrap_err().code, Code::Forbidden);
        }
        let markup = [mode, token, ("hub.challenge", "<script>alert(1)</script>")];
        assert_eq!(ask(Some("token"), &markup).unwrap_err().code, Code::BadRequest);
        let unset = ask(None, &[mode, ("hub.verify_token", ""), text]).unwrap_err();
        assert!(unset.code == Code::Config && unset.message.contains("WHATSAPP_WEBHOOK_VERIFY_TOKEN"));
    }
}
