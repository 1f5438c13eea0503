//! Changes values.

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, post};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::store;

/// Set the value of a key.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SetValue {
    /// The key.
    key: String,
    /// The value.
    v: Value,
}

#[async_trait]
impl Mutation for SetValue {
    const NAME: &'static str = "kv:set";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/kv");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        store::set(ctx.db, &self.key, &self.v).await
    }
}

/// Set the keys `a` and `b` to the same value, in one transaction.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SetPair {
    /// The value.
    v: Value,
}

#[async_trait]
impl Mutation for SetPair {
    const NAME: &'static str = "kv:setPair";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/kv/pair");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        store::set(ctx.db, "a", &self.v).await?;
        store::set(ctx.db, "b", &self.v).await
    }
}

/// Append to the list of a key, and return the list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AppendValue {
    /// The key.
    key: String,
    /// The value to append.
    v: Value,
}

#[async_trait]
impl Mutation for AppendValue {
    const NAME: &'static str = "kv:append";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/kv/append");
    type Output = Value;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Value> {
        let mut list = match store::get(ctx.db, &self.key).await? {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(Error::conflict("not_a_list", "this key holds something that is not a list")),
        };
        list.push(self.v);
        let list = Value::Array(list);
        store::set(ctx.db, &self.key, &list).await?;
        Ok(list)
    }
}
