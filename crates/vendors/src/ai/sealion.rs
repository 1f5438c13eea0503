//! SEA-LION: models for Southeast Asian languages, <https://docs.sea-lion.ai>, by an OpenAI-compatible server.

use kernel::Secret;
use provider::{NoWebhooks, Vendor};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// SEA-LION.
pub struct SeaLion;

/// The settings for calling SEA-LION.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the server: the service's own, or where you run the model.
    pub sealion_url: Url,
    /// API key: SEA-LION Playground → API Key Manager. A server of your own may need none.
    pub sealion_api_key: Option<Secret>,
}

impl Vendor for SeaLion {
    const ID: &'static str = "sealion";
    const TITLE: &'static str = "SEA-LION";

    type Settings = Settings;
    type WebhookSettings = NoWebhooks;
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for SeaLion {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("SEALION_URL", "http://localhost:8000/v1"), ("SEALION_API_KEY", "sealion-0123456789")];

        fn webhook() -> Option<Webhook> {
            None
        }
    }
}
