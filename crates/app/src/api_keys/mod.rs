//! API keys: the credentials of programs. A key is shown once, when it is created; only its SHA-256 is stored.

mod identify;
mod model;
mod mutations;
mod queries;
mod store;

use engine::{Children, Handlers, Keep, OldTenantRows, Owned, Registry, Sweep};

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

/// Revokes every key of the organization of this transaction.
pub(crate) async fn revoke_all(tx: &mut ::store::Tx, now: kernel::Time) -> kernel::Result<()> {
    store::revoke_all(tx, now).await
}

/// Registers the sweeps that delete API keys some time after they were revoked or have expired.
pub(crate) fn handle(handlers: &mut Handlers) {
    let revoked = OldTenantRows {
        table: "api_keys",
        key: &["id"],
        at: "revoked_ms",
        only: "revoked_ms is not null",
        children: &[Children { table: "api_key_hashes", parent: "api_key", owned: Owned::ByInstallation }],
    };
    let expired = OldTenantRows { at: "expires_ms", only: "revoked_ms is null", ..revoked };
    let keep = Keep::days("TRUNKLINE_KEY_RETENTION", 90);
    handlers.sweep(Sweep::tenant_rows("api-keys", keep, revoked)).sweep(Sweep::tenant_rows(
        "expired-api-keys",
        keep,
        expired,
    ));
}
