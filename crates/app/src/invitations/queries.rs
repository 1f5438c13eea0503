//! Queries on invitations.

use ::store::Reader;
use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Page, PageOptions, Result, Role, Time};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PendingInvitation, store};
use crate::{billing::Seat, customers::CustomerId, list};

/// The pending invitations, newest first.
#[derive(Deserialize, JsonSchema)]
pub struct ListPendingInvitations {}

#[async_trait]
impl Query for ListPendingInvitations {
    const NAME: &'static str = "invitations:listPending";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/invitations/all");
    type Output = Vec<PendingInvitation>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<PendingInvitation>> {
        let now = ctx.now();
        list::whole(store::pending(ctx.db, now, list::LIMIT).await?, PagePendingInvitations::NAME)
    }
}

/// A part of the pending invitations, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PagePendingInvitations {
    /// Which part.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PagePendingInvitations {
    const NAME: &'static str = "invitations:page";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/invitations");
    type Output = Page<PendingInvitation>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<PendingInvitation>> {
        let now = ctx.now();
        ctx.page(&self.pagination_opts, |db, range| Box::pin(async move { store::page(db, now, &range).await })).await
    }
}

/// Returns the number of pending invitations.
pub(crate) async fn count_pending(db: &mut Reader, now: Time) -> Result<i64> {
    Ok(store::counts(db, now).await?.into_iter().map(|(_, count)| count).sum())
}

/// Returns the number of pending invitations that take this kind of seat.
pub(crate) async fn count_seats(db: &mut Reader, seat: Seat, now: Time) -> Result<i64> {
    let counts = store::counts(db, now).await?;
    Ok(counts.into_iter().filter(|(role, _)| Seat::of(*role) == seat).map(|(_, count)| count).sum())
}

/// Returns the number of pending invitations of clients of this customer.
pub(crate) async fn count_pending_of(db: &mut Reader, customer: &CustomerId, now: Time) -> Result<i64> {
    store::count_pending_of(db, customer, now).await
}
