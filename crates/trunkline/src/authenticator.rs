//! Resolves tokens and API keys to identities.

use async_trait::async_trait;
use engine::{Identity, World, identity::Issuers};
use kernel::Result;
use store::Db;

/// Accepts API keys and the tokens of the configured issuers.
pub(crate) struct Authenticator {
    pub(crate) db: Db,
    pub(crate) world: World,
    pub(crate) issuers: Issuers,
}

#[async_trait]
impl server::Authenticator for Authenticator {
    async fn identity(&self, token: &str) -> Result<Identity> {
        if token.starts_with("sk_") {
            return app::api_keys::identify(&self.db, &self.world, token).await;
        }
        self.issuers.identity(token).await
    }
}
