//! Kapso: WhatsApp as a service.
//!
//! Webhooks: <https://docs.kapso.ai/docs/platform/webhooks/overview>. Two kinds arrive at one address: Kapso's own events,
//! alone or in batches, and Meta's notifications forwarded as they are. The signature covers the body alone; the event's
//! name and the idempotency key are in headers, which are not signed, so that ids come from the body where it has one.

mod read;

use bytes::Bytes;
use kernel::{Result, Secret};
use provider::{
    BoxedSource, Challenge, Received, Vendor, WebhookRequest, WebhookSource,
    signature::{Headers, Keys, Tokens},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{challenge, meta};
use crate::array;

pub(super) use read::Reader;

/// Kapso.
pub struct Kapso;

/// The settings for calling Kapso.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// API key: Kapso → Project settings → API keys.
    pub kapso_api_key: Secret,
    /// The number that people write to, for links and pages: with country code, such as `+15551234567`.
    pub next_public_kapso_phone_number: Option<String>,
}

/// The settings for receiving Kapso's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Secret key of the webhook: Kapso → Webhooks → the webhook. Several, separated by commas, while you replace it.
    pub kapso_webhook_secret: Secret,
    /// Verify token for products that registered their address with a challenge; without it every challenge is
    /// answered.
    pub kapso_webhook_verify_token: Option<Secret>,
}

impl Vendor for Kapso {
    const ID: &'static str = "kapso";
    const TITLE: &'static str = "Kapso";
    const WEBHOOK_PATHS: &'static [&'static str] = &["/api/webhook/kapso"];

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::text(&settings.kapso_webhook_secret, "KAPSO_WEBHOOK_SECRET")?;
        let tokens = Tokens::new(settings.kapso_webhook_verify_token.iter().flat_map(Secret::rotation));
        Ok(Box::new(Webhooks { keys, tokens }))
    }
}

/// The documented header, and the one that older products were written for.
const SIGNATURES: [&str; 2] = ["X-Webhook-Signature", "x-kapso-signature"];

struct Webhooks {
    keys: Keys,
    tokens: Tokens,
}

impl WebhookSource for Webhooks {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.keys.verify_body(request, &SIGNATURES, "")
    }

    fn events(&self, request: &WebhookRequest<'_>) -> Vec<Received> {
        let body = request.body;
        let envelope = match Received::json::<wire::Envelope<'_>>(body) {
            Ok(envelope) => envelope,
            Err(malformed) => return vec![*malformed],
        };
        if envelope.entry.is_some() {
            return meta::events(body);
        }
        let named = envelope.r#type.get().or(request.header("X-Webhook-Event"));
        match envelope.batch() {
            Some(Ok(payloads)) => array::each(&payloads, body, |payload| event(&payload, named, None)),
            Some(Err(error)) => vec![Received::malformed(body, error)],
            None => vec![event(body, named, request.header("X-Idempotency-Key"))],
        }
    }

    fn sign(&self, request: &WebhookRequest<'_>) -> Result<Headers> {
        Ok(self.keys.sign_body(request, SIGNATURES[0], ""))
    }

    fn challenge(&self, query: &Challenge<'_>) -> Result<String> {
        let token = query.get("hub.verify_token").or(query.get("verify_token")).unwrap_or_default();
        if !self.tokens.is_empty() && self.tokens.verify(token).is_err() {
            return Err(challenge::wrong_token());
        }
        challenge::answer(query.get("hub.challenge").or(query.get("challenge")))
    }

    fn max_body(&self) -> Option<usize> {
        Some(meta::MAX_BODY)
    }
}

/// One of Kapso's own events.
fn event(payload: &Bytes, named: Option<&str>, idempotency_key: Option<&str>) -> Received {
    let read = match Received::json::<wire::Payload>(payload) {
        Ok(read) => read,
        Err(malformed) => return *malformed,
    };
    let kind = named.map_or_else(|| read.kind(), str::to_owned);
    let id = match (read.message.id.get(), kind.strip_prefix("whatsapp.message.")) {
        (Some(wamid), Some("received")) => wamid.to_owned(),
        (Some(wamid), Some(status)) => format!("{wamid}:{status}"),
        (Some(_), None) | (None, _) => idempotency_key.unwrap_or_default().to_owned(),
    };
    Received::new(id, kind, payload.clone())
        .in_lane(read.lane())
        .occurred(read.message.timestamp.0.or(read.occurred_at.0))
        .about(read.phone_number_id())
}

mod wire {
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use crate::loose::{self, Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Envelope<'a> {
        #[serde(default)]
        pub(super) r#type: Text,
        #[serde(borrow, default)]
        batch: Option<&'a RawValue>,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
        /// Only Meta's notifications have this field.
        #[serde(borrow, default)]
        pub(super) entry: Option<&'a RawValue>,
    }

    impl<'a> Envelope<'a> {
        pub(super) fn batch(&self) -> Option<serde_json::Result<Vec<&'a RawValue>>> {
            self.batch.filter(|flag| flag.get() == "true")?;
            Some(serde_json::from_str(self.data.map_or("[]", RawValue::get)))
        }
    }

    #[derive(Deserialize)]
    pub(super) struct Payload {
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) message: Message,
        #[serde(default, deserialize_with = "loose::object")]
        conversation: Conversation,
        #[serde(default)]
        phone_number_id: Text,
        #[serde(default)]
        event: Text,
        #[serde(default)]
        pub(super) occurred_at: Moment,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Message {
        pub(super) id: Text,
        pub(super) timestamp: Moment,
        from: Text,
        from_user_id: Text,
        #[serde(deserialize_with = "loose::object")]
        kapso: Kapso,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Kapso {
        direction: Text,
        status: Text,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Conversation {
        id: Text,
        phone_number: Text,
        phone_number_id: Text,
        business_scoped_user_id: Text,
    }

    impl Payload {
        /// Returns the kind of an event that is not named in a header: workflows name it in the body, messages by their
        /// direction.
        pub(super) fn kind(&self) -> String {
            match (self.event.get(), self.message.id.get(), self.message.kapso.direction.get()) {
                (Some(event), _, _) => event.to_owned(),
                (None, Some(_), Some("outbound")) => {
                    format!("whatsapp.message.{}", self.message.kapso.status.get().unwrap_or("sent"))
                }
                (None, Some(_), _) => "whatsapp.message.received".to_owned(),
                (None, None, _) => "unknown".to_owned(),
            }
        }

        pub(super) fn phone_number_id(&self) -> Option<&str> {
            self.phone_number_id.get().or(self.conversation.phone_number_id.get())
        }

        /// Returns the lane of the conversation, as for Meta's own notifications: our number and the person.
        pub(super) fn lane(&self) -> Option<String> {
            let Self { conversation, message, .. } = self;
            let phone = conversation.phone_number.get().map(|phone| phone.trim_start_matches('+'));
            let person = (conversation.business_scoped_user_id.get().or(message.from_user_id.get()))
                .or(phone)
                .or(message.from.get())
                .or(conversation.id.get())?;
            Some(format!("{}:{person}", self.phone_number_id().unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests;
