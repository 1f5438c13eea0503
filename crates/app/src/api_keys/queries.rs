//! Queries on API keys.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ApiKey, store};

/// The greatest number of keys in an answer; fewer than that can be valid.
const MOST: i64 = 1000;

/// The API keys of the organization, newest first, including those that were revoked.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ListApiKeys {}

#[async_trait]
impl Query for ListApiKeys {
    const NAME: &'static str = "apiKeys:list";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/api-keys");
    type Output = Vec<ApiKey>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<ApiKey>> {
        store::all(ctx.db, MOST).await
    }
}
