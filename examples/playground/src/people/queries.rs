//! Queries on the caller's token.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::subject;

/// The subject of the caller's token, or null.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct WhoAmI {}

#[async_trait]
impl Query for WhoAmI {
    const NAME: &'static str = "auth:whoami";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/auth/whoami");
    const PERSONAL: bool = true;
    type Output = Option<String>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Option<String>> {
        Ok(subject(ctx.caller()?))
    }
}

/// The subject of the caller's token, or an error of the application.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MustBeUser {}

#[async_trait]
impl Query for MustBeUser {
    const NAME: &'static str = "auth:mustBeUser";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/auth/must-be-user");
    const PERSONAL: bool = true;
    type Output = String;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<String> {
        subject(ctx.caller()?).ok_or_else(|| Error::application(json!({ "code": "UNAUTHENTICATED" })))
    }
}
