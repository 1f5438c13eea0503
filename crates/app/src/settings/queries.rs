//! Queries on settings.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Settings, store};

/// The settings of the organization, with defaults where it chose nothing.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct GetSettings {}

#[async_trait]
impl Query for GetSettings {
    const NAME: &'static str = "settings:get";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/settings");
    type Output = Settings;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Settings> {
        store::get(ctx.db).await
    }
}
