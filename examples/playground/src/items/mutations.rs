//! Changes items.

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, post};
use kernel::{Access, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Item, model::ItemId, store};

/// The greatest number of items that one call may insert.
const MANY: i64 = 10_000;

/// Insert an item.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InsertItem {
    /// The tag.
    tag: String,
    /// The text.
    #[serde(default)]
    text: String,
    /// The number.
    n: i64,
}

#[async_trait]
impl Mutation for InsertItem {
    const NAME: &'static str = "items:insert";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/items");
    type Output = ItemId;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<ItemId> {
        let item = Item { id: ctx.new_id(), tag: self.tag, text: self.text, n: self.n };
        store::insert(ctx.db, &item).await?;
        Ok(item.id)
    }
}

/// Insert many items at once, with rising numbers.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InsertManyItems {
    /// The tag.
    tag: String,
    /// The number of items.
    count: i64,
    /// The first number.
    #[serde(default)]
    from: i64,
}

#[async_trait]
impl Mutation for InsertManyItems {
    const NAME: &'static str = "items:insertMany";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/items/many");
    type Output = i64;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<i64> {
        if !(0..=MANY).contains(&self.count) {
            return Err(Error::bad_request("count_invalid", format!("count is 0 to {MANY}")));
        }
        for turn in 0..self.count {
            let n = self.from.saturating_add(turn);
            let item = Item { id: ctx.new_id(), tag: self.tag.clone(), text: format!("item {n}"), n };
            store::insert(ctx.db, &item).await?;
        }
        Ok(self.count)
    }
}

/// Remove the items with a tag.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ClearItems {
    /// The tag.
    tag: String,
}

#[async_trait]
impl Mutation for ClearItems {
    const NAME: &'static str = "items:clear";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/items/clear");
    type Output = u64;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<u64> {
        store::clear(ctx.db, &self.tag).await
    }
}

/// Insert an item and fail: nothing of it may stay.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InsertThenFail {
    /// The tag.
    tag: String,
    /// The text.
    #[serde(default)]
    text: String,
    /// The number.
    #[serde(default)]
    n: i64,
}

#[async_trait]
impl Mutation for InsertThenFail {
    const NAME: &'static str = "items:insertThenFail";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/items/insert-then-fail");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        let item = Item { id: ctx.new_id(), tag: self.tag, text: self.text, n: self.n };
        store::insert(ctx.db, &item).await?;
        Err(Error::internal("on_purpose", "this operation always fails"))
    }
}

/// Insert an item and fail with error data.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InsertThenFailData {
    /// The error data.
    data: Value,
}

#[async_trait]
impl Mutation for InsertThenFailData {
    const NAME: &'static str = "items:insertThenFailData";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = post("/v1/items/insert-then-fail-data");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        let item = Item { id: ctx.new_id(), tag: "fail".to_owned(), text: String::new(), n: 0 };
        store::insert(ctx.db, &item).await?;
        Err(Error::application(self.data))
    }
}
