//! Runs after a person has signed in.

use async_trait::async_trait;
use engine::{Action, ActionCtx, operation::Route, post};
use kernel::{Access, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{SyncUser, Synced};

/// Bring your profile, your membership or your pending invitation up to date. Call it after signing in.
#[derive(Deserialize, JsonSchema)]
pub struct SyncCurrentUser {}

#[async_trait]
impl Action for SyncCurrentUser {
    const NAME: &'static str = "users:syncCurrent";
    const ACCESS: Access = Access::SignedIn;
    const ROUTE: Route = post("/v1/users/me/sync");
    type Output = Synced;

    async fn run(self, ctx: &ActionCtx) -> Result<Synced> {
        ctx.mutation(SyncUser {}).await
    }
}
