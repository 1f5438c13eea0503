//! Polar.
//!
//! Webhooks: <https://polar.sh/docs/integrate/webhooks/delivery>, checked against `@polar-sh/sdk` 0.49.0. The headers
//! are those of Standard Webhooks, but the key is the whole text of the secret: one that begins with `whsec_` is *not*
//! base64. Polar keeps the order per endpoint, gives up after ten attempts and then switches the endpoint off.

mod read;

use kernel::{Result, Secret};
use provider::{
    BoxedSource, Received, Vendor, WebhookRequest,
    signature::{Keys, Names, StandardWebhooks},
};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use read::Reader;

/// Polar.
pub struct Polar;

/// The settings for calling Polar.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Organization access token: Polar → Settings → Developers → Organization access tokens. Begins with `polar_oat_`.
    pub polar_organization_token: Secret,
    /// Production or sandbox: two separate environments with tokens of their own.
    #[serde(default)]
    pub polar_server: Server,
    /// Product of the Pro plan, billed monthly: Polar → Products → the product → its id.
    pub polar_pro_monthly_product_id: Option<String>,
    /// Product of the Pro plan, billed yearly.
    pub polar_pro_yearly_product_id: Option<String>,
    /// Product of the Business plan, billed monthly.
    pub polar_business_monthly_product_id: Option<String>,
    /// Product of the Business plan, billed yearly.
    pub polar_business_yearly_product_id: Option<String>,
}

/// The environment of Polar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// Real payments.
    #[default]
    Production,
    /// Test payments.
    Sandbox,
}

/// The settings for receiving Polar's webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Secret of the webhook endpoint: Polar → Settings → Webhooks → the endpoint. Paste all of it, prefix included.
    /// Several, separated by commas, while you replace it.
    pub polar_webhook_secret: Secret,
}

impl Vendor for Polar {
    const ID: &'static str = "polar";
    const TITLE: &'static str = "Polar";
    const WEBHOOK_PATHS: &'static [&'static str] = &["/polar/events"];

    type Settings = Settings;
    type WebhookSettings = WebhookSettings;

    fn webhooks(settings: WebhookSettings) -> Result<BoxedSource> {
        let keys = Keys::text(&settings.polar_webhook_secret, "POLAR_WEBHOOK_SECRET")?;
        Ok(StandardWebhooks::new(keys, Names::Webhook).source(event))
    }
}

fn event(request: &WebhookRequest<'_>) -> Result<Received, Box<Received>> {
    let event = Received::json::<wire::Event>(request.body)?;
    let id = StandardWebhooks::id(request).unwrap_or_default();
    let received = Received::new(id, &event.r#type, request.body.clone());
    Ok(received.in_lane(event.customer()).occurred(event.timestamp.0).about(event.customer()))
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
        customer_id: Text,
        customer: Text,
    }

    impl Event {
        /// The snapshot `customer.state_changed` and the `subscription.*` events of one customer must share a lane.
        pub(super) fn customer(&self) -> Option<&str> {
            let own = self.data.id.get().filter(|_| self.r#type.starts_with("customer."));
            own.or(self.data.customer_id.get()).or(self.data.customer.get())
        }
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Polar {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("POLAR_ORGANIZATION_TOKEN", "polar_oat_0123456789"), ("POLAR_SERVER", "sandbox")];

        fn webhook() -> Option<Webhook> {
            Some(Webhook {
                variables: &[("POLAR_WEBHOOK_SECRET", "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK")],
                other_secret: "whsec_this is text and not base64",
                body: r#"{"type":"subscription.active","timestamp":"2026-01-01T00:00:00Z",
                    "data":{"id":"sub_1","customer_id":"cust_1"}}"#,
                window: Some(StandardWebhooks::WINDOW),
                covers_body: true,
                sign: None,
            })
        }
    }

    #[test]
    fn a_customers_snapshot_and_their_subscriptions_share_a_lane() {
        for body in [
            r#"{"type":"customer.state_changed","data":{"id":"cust_1","active_subscriptions":[]}}"#,
            r#"{"type":"subscription.revoked","data":{"id":"sub_1","customer_id":"cust_1"}}"#,
            r#"{"type":"order.paid","data":{"id":"ord_1","customer":{"id":"cust_1"}}}"#,
        ] {
            assert_eq!(serde_json::from_str::<wire::Event>(body).unwrap().customer(), Some("cust_1"), "{body}");
        }
    }
}
