//! Queries on contacts.

use ::store::{Db, Reader};
use async_trait::async_trait;
use engine::{Query, QueryCtx, Range, get, operation::Route};
use kernel::{Access, OrgId, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Contact, Kind, Merge, store};
use crate::list;

/// All contacts of your organization, newest first; at most 1,000.
#[derive(Deserialize, JsonSchema)]
pub struct ListContacts {}

#[async_trait]
impl Query for ListContacts {
    const NAME: &'static str = "contacts:list";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/contacts/all");
    type Output = Vec<Contact>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Contact>> {
        list::whole(page(ctx.db, &Range::first(list::LIMIT)).await?, PageContacts::NAME)
    }
}

/// The contacts of your organization, page by page, the newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageContacts {
    /// Which page.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageContacts {
    const NAME: &'static str = "contacts:page";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/contacts");
    type Output = Page<Contact>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Contact>> {
        ctx.page(&self.pagination_opts, |db, range| Box::pin(async move { page(db, &range).await })).await
    }
}

/// Returns the newest contacts of an organization.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Contact>> {
    db.read(&organization.clone().into(), |tx| Box::pin(async move { page(tx, &Range::first(limit)).await })).await
}

/// Returns the contacts of a range, with their identities.
async fn page(db: &mut Reader, range: &Range) -> Result<Vec<Contact>> {
    let mut contacts = store::page(db, range).await?;
    for (contact, identity) in store::identities_of_page(db, range).await? {
        if let Some(contact) = contacts.iter_mut().find(|other| other.id == contact) {
            // Identities come oldest first, so that the newest one of a kind is shown.
            match identity.kind {
                Kind::Phone => contact.phone = Some(identity.value.clone()),
                Kind::Username => contact.username = Some(identity.value.clone()),
                Kind::Bsuid | Kind::ParentBsuid => {}
            }
            contact.identities.push(identity);
        }
    }
    Ok(contacts)
}

/// Returns the merges of contacts, newest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn merges(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Merge>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::merges(tx, limit))).await
}
