//! OpenRouter: many models behind one address, <https://openrouter.ai/docs>.

use kernel::Secret;
use provider::{NoWebhooks, Vendor};
use schemars::JsonSchema;
use serde::Deserialize;

/// OpenRouter.
pub struct OpenRouter;

/// The settings for calling OpenRouter.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// API key: OpenRouter → Keys. Begins with `sk-or-`.
    pub openrouter_api_key: Secret,
    /// Default model, as OpenRouter names it. Models are retired: without this setting, the default of the account is
    /// used.
    pub openrouter_default_model: Option<String>,
    /// Models to try, in this order and separated by commas, when the first one fails or is gone.
    #[serde(default)]
    pub openrouter_fallback_model: Vec<String>,
    /// Longest answer, in tokens.
    pub openrouter_max_tokens: Option<u32>,
    /// Sampling temperature, from 0 to 2.
    pub openrouter_temperature: Option<f64>,
}

impl Vendor for OpenRouter {
    const ID: &'static str = "openrouter";
    const TITLE: &'static str = "OpenRouter";

    type Settings = Settings;
    type WebhookSettings = NoWebhooks;
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for OpenRouter {
        const SETTINGS: &'static [(&'static str, &'static str)] = &[
            ("OPENROUTER_API_KEY", "sk-or-v1-0123456789"),
            ("OPENROUTER_FALLBACK_MODEL", "a/b,c/d"),
            ("OPENROUTER_MAX_TOKENS", "1000"),
            ("OPENROUTER_TEMPERATURE", "0.7"),
        ];

        fn webhook() -> Option<Webhook> {
            None
        }
    }
}
