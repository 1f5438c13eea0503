//! Who answers with a language model. None of them sends webhooks.

provider::category! { ai: openrouter::OpenRouter, xai::XAi, ollama::Ollama, sealion::SeaLion }
