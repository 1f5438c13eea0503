//! Actions: they run once, outside of a transaction.

use std::time::Duration;

use async_trait::async_trait;
use engine::{Action, ActionCtx, operation::Route, post};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The longest wait of an action, in milliseconds.
const LONGEST: u64 = 60_000;

/// Return the argument after a wait.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Act {
    /// The value to return.
    v: Value,
    /// How long to wait, in milliseconds.
    ms: Option<u64>,
}

#[async_trait]
impl Action for Act {
    const NAME: &'static str = "util:act";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/util/act");
    type Output = Value;

    async fn run(self, _ctx: &ActionCtx) -> Result<Value> {
        tokio::time::sleep(Duration::from_millis(self.ms.unwrap_or(0).min(LONGEST))).await;
        Ok(self.v)
    }
}

/// Fail, with error data if there are any.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ActFail {
    /// The error data.
    data: Option<Value>,
}

#[async_trait]
impl Action for ActFail {
    const NAME: &'static str = "util:actFail";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/util/act-fail");
    type Output = ();

    async fn run(self, _ctx: &ActionCtx) -> Result<()> {
        Err(match self.data {
            Some(data) => Error::application(data),
            None => Error::internal("on_purpose", "this action always fails"),
        })
    }
}
