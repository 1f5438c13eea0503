//! Queries on messages.

use ::store::Db;
use async_trait::async_trait;
use engine::{Query, QueryCtx, Range, get, operation::Route};
use kernel::{Access, Error, OrgId, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Message, store};
use crate::conversations::{self, ConversationId};

/// The messages of a conversation, or of your whole organization, page by page, the newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageMessages {
    /// Only the messages of this conversation.
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
    /// Which page.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageMessages {
    const NAME: &'static str = "messages:page";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/messages");
    type Output = Page<Message>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Message>> {
        let options = self.pagination_opts;
        let Some(conversation) = self.conversation_id else {
            return ctx.page(&options, |db, range| Box::pin(async move { store::page(db, &range).await })).await;
        };
        if !conversations::exists(ctx.db, &conversation).await? {
            return Err(Error::not_found("conversation_not_found", "there is no such conversation")
                .context("conversation_id", conversation.as_str()));
        }
        ctx.page(&options, |db, range| {
            Box::pin(async move { store::page_of_conversation(db, &conversation, &range).await })
        })
        .await
    }
}

/// Returns the newest messages of an organization.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Message>> {
    db.read(&organization.clone().into(), |tx| Box::pin(async move { store::page(tx, &Range::first(limit)).await }))
        .await
}
