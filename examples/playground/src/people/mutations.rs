//! Changes for signed-in callers.

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, post};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::subject;
use crate::items::{self, Item};

/// Insert an item whose text is the caller's subject.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AddAs {
    /// The tag.
    tag: String,
    /// The number.
    n: i64,
}

#[async_trait]
impl Mutation for AddAs {
    const NAME: &'static str = "auth:addAs";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/auth/items");
    type Output = String;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<String> {
        let text = subject(ctx.caller());
        let text = text.ok_or_else(|| Error::application(json!({ "code": "UNAUTHENTICATED" })))?;
        let item = Item { id: ctx.new_id(), tag: self.tag, text, n: self.n };
        items::insert(ctx.db, &item).await?;
        Ok(item.id.to_string())
    }
}
