//! Providers of language models. None of them sends webhooks.

provider::category! { ai: openrouter::OpenRouter, xai::XAi, ollama::Ollama, sealion::SeaLion }
