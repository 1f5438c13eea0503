//! Queries on items.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Error, Page, PageOptions, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Item, store};

/// The greatest number of rows of a list; pages have no such limit.
const MOST: i64 = 1000;

/// All items, or those with a tag, sorted by number.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ListItems {
    /// Only items with this tag.
    tag: Option<String>,
}

#[async_trait]
impl Query for ListItems {
    const NAME: &'static str = "items:list";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/items/list");
    type Output = Vec<Item>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Item>> {
        let items = match &self.tag {
            Some(tag) => store::tagged(ctx.db, tag, MOST + 1).await?,
            None => store::all(ctx.db, MOST + 1).await?,
        };
        if items.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
            return Err(Error::bad_request("list_too_long", "more than 1,000 items: use items:page"));
        }
        Ok(items)
    }
}

/// The number of items.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CountItems {
    /// Only items with this tag.
    tag: Option<String>,
}

#[async_trait]
impl Query for CountItems {
    const NAME: &'static str = "items:count";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/items/count");
    type Output = i64;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<i64> {
        match &self.tag {
            Some(tag) => store::count_tagged(ctx.db, tag).await,
            None => store::count(ctx.db).await,
        }
    }
}

/// Items page by page, sorted by number.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageItems {
    /// Only items with this tag.
    tag: Option<String>,
    /// Which page.
    pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageItems {
    const NAME: &'static str = "items:page";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/items");
    type Output = Page<Item>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Item>> {
        ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move {
                match &self.tag {
                    Some(tag) => store::page_tagged(db, tag, &range).await,
                    None => store::page(db, &range).await,
                }
            })
        })
        .await
    }
}
