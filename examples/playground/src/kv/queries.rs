//! Queries on values.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::store;

/// The value of a key, or null.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct GetValue {
    /// The key.
    key: String,
}

#[async_trait]
impl Query for GetValue {
    const NAME: &'static str = "kv:get";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/kv/{key}");
    type Output = Value;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Value> {
        Ok(store::get(ctx.db, &self.key).await?.unwrap_or_default())
    }
}

/// The value of a key, or an error of the application while it is odd.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FailIfOdd {
    /// The key.
    key: String,
}

#[async_trait]
impl Query for FailIfOdd {
    const NAME: &'static str = "kv:failIfOdd";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/kv/{key}/fail-if-odd");
    type Output = Value;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Value> {
        let value = store::get(ctx.db, &self.key).await?.unwrap_or_default();
        if value.as_i64().is_some_and(|number| number % 2 != 0) {
            return Err(Error::application(json!({ "code": "ODD", "v": value })));
        }
        Ok(value)
    }
}
