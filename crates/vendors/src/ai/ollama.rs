//! Ollama: models on your own machine, <https://docs.ollama.com/api/openai-compatibility>.

use kernel::Secret;
use provider::{NoWebhooks, Vendor};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// Ollama.
pub struct Ollama;

/// The settings for calling Ollama.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the server: `http://localhost:11434` where it runs on this machine.
    pub ollama_base_url: Url,
    /// API key: needed for Ollama's cloud only, from ollama.com → Settings → Keys.
    pub ollama_api_key: Option<Secret>,
}

impl Vendor for Ollama {
    const ID: &'static str = "ollama";
    const TITLE: &'static str = "Ollama";

    type Settings = Settings;
    type WebhookSettings = NoWebhooks;
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Ollama {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("OLLAMA_BASE_URL", "http://localhost:11434"), ("OLLAMA_API_KEY", "ollama-0123456789")];

        fn webhook() -> Option<Webhook> {
            None
        }
    }
}
