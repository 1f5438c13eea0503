//! Queries with all kinds of answers.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Characters of the longest answer: 30 MB of UTF-8.
const LONGEST: usize = 10_000_000;

/// Return the argument.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Echo {
    /// The value to return.
    v: Value,
}

#[async_trait]
impl Query for Echo {
    const NAME: &'static str = "util:echo";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/util/echo");
    type Output = Value;

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<Value> {
        Ok(self.v)
    }
}

/// Fail with an internal error.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Fail {}

#[async_trait]
impl Query for Fail {
    const NAME: &'static str = "util:fail";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/util/fail");
    type Output = ();

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<()> {
        Err(Error::internal("on_purpose", "this operation always fails"))
    }
}

/// Fail with error data.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FailData {
    /// The error data.
    data: Value,
}

#[async_trait]
impl Query for FailData {
    const NAME: &'static str = "util:failData";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/util/fail-data");
    type Output = ();

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<()> {
        Err(Error::application(self.data))
    }
}

/// Return a long text of characters that are not ASCII.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Big {
    /// The number of characters.
    chars: usize,
}

#[async_trait]
impl Query for Big {
    const NAME: &'static str = "util:big";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/util/big");
    type Output = String;

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<String> {
        if self.chars > LONGEST {
            return Err(Error::bad_request("too_long", format!("chars is 0 to {LONGEST}")));
        }
        Ok("ü".repeat(self.chars))
    }
}
