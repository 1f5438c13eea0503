//! Actions: they run once, outside of a transaction.

use std::time::Duration;

use async_trait::async_trait;
use engine::{Action, ActionCtx, operation::Route, post};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The longest an action waits, in milliseconds.
const LONGEST: u64 = 60_000;

/// Answer what came, a while later.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Act {
    /// What comes back.
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

/// Fail, with data of the application if there is any.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ActFail {
    /// The data.
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
