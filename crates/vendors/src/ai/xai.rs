//! xAI Grok: <https://docs.x.ai>.

use kernel::Secret;
use provider::{NoWebhooks, Vendor};
use schemars::JsonSchema;
use serde::Deserialize;

/// xAI Grok.
pub struct XAi;

/// The settings for calling xAI Grok.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// API key: xAI Console → API Keys. Begins with `xai-`.
    pub grok_api_key: Secret,
}

impl Vendor for XAi {
    const ID: &'static str = "xai";
    const TITLE: &'static str = "xAI Grok";

    type Settings = Settings;
    type WebhookSettings = NoWebhooks;
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for XAi {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[("GROK_API_KEY", "xai-0123456789")];

        fn webhook() -> Option<Webhook> {
            None
        }
    }
}
