//! Queries on conversations.

use ::store::{Db, Reader};
use async_trait::async_trait;
use engine::{Query, QueryCtx, Range, get, operation::Route};
use kernel::{Access, OrgId, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Conversation, ConversationId, store};
use crate::list;

/// All conversations of your organization, sorted by their newest message; at most 1,000.
#[derive(Deserialize, JsonSchema)]
pub struct ListConversations {}

#[async_trait]
impl Query for ListConversations {
    const NAME: &'static str = "conversations:list";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/conversations/all");
    type Output = Vec<Conversation>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Conversation>> {
        list::whole(store::page(ctx.db, &Range::first(list::LIMIT)).await?, PageConversations::NAME)
    }
}

/// The conversations of your organization, page by page, sorted by their newest message.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageConversations {
    /// Which page.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageConversations {
    const NAME: &'static str = "conversations:page";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/conversations");
    type Output = Page<Conversation>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Conversation>> {
        ctx.page(&self.pagination_opts, |db, range| Box::pin(async move { store::page(db, &range).await })).await
    }
}

/// Returns the conversations of an organization, sorted by their newest message.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Conversation>> {
    db.read(&organization.clone().into(), |tx| Box::pin(async move { store::page(tx, &Range::first(limit)).await }))
        .await
}

/// Returns whether a conversation of this id exists.
pub(crate) async fn exists(db: &mut Reader, conversation: &ConversationId) -> Result<bool> {
    store::exists(db, conversation).await
}
