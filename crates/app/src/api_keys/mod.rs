//! API keys: the credentials of programs. A key is shown once, when it is created; only its SHA-256 is stored.

mod identify;
mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub use identify::{identify, key_caller};
pub use model::{ApiKey, NewKey};
pub use mutations::{CreateApiKey, RevokeApiKey, RotateApiKey};
pub use queries::ListApiKeys;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("apiKeys", "API keys of programs")
        .query::<ListApiKeys>()
        .mutation::<CreateApiKey>()
        .mutation::<RotateApiKey>()
        .mutation::<RevokeApiKey>();
}
