//! Looking at people.

use ::store::Reader;
use async_trait::async_trait;
use engine::{Claims, Identity, Query, QueryCtx, get, operation::Route};
use kernel::{Access, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ListedMember, User, UserId,
    model::{Membership, unknown},
    store::{self, Listed},
};
use crate::{billing::Seat, customers::CustomerId, invitations, list};

/// Who you are; null while nobody knows you.
#[derive(Deserialize, JsonSchema)]
pub struct GetMe {}

#[async_trait]
impl Query for GetMe {
    const NAME: &'static str = "users:me";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/users/me");
    const PERSONAL: bool = true;
    type Output = Option<User>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Option<User>> {
        if let Some(member) = ctx.caller().member.clone() {
            return Ok(store::find(ctx.db, &member.user).await?.map(Membership::user));
        }
        let Identity::Token(claims) = ctx.caller().identity.clone() else { return Ok(None) };
        let Some(user) = known(ctx.db, &claims).await? else { return Ok(None) };
        Ok(store::person(ctx.db, &user).await?.map(super::Person::user))
    }
}

/// Everybody who is or was in the organization, those who are first.
#[derive(Deserialize, JsonSchema)]
pub struct ListMembers {}

#[async_trait]
impl Query for ListMembers {
    const NAME: &'static str = "users:listMembers";
    const ACCESS: Access = Access::role(Role::Admin).and(Role::Viewer);
    const ROUTE: Route = get("/v1/users/all");
    type Output = Vec<ListedMember>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<ListedMember>> {
        let listed = store::list(ctx.db, list::LIMIT).await?;
        list::whole(listed.into_iter().map(shown).collect(), PageMembers::NAME)
    }
}

/// A part of those who are or were in the organization.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageMembers {
    /// Which part.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageMembers {
    const NAME: &'static str = "users:page";
    const ACCESS: Access = Access::role(Role::Admin).and(Role::Viewer);
    const ROUTE: Route = get("/v1/users");
    type Output = Page<ListedMember>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<ListedMember>> {
        ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move { Ok(store::page(db, &range).await?.into_iter().map(shown).collect()) })
        })
        .await
    }
}

/// How many people there are.
#[derive(Deserialize, JsonSchema)]
pub struct CountMembers {}

/// How many people there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberCounts {
    /// People of the organization itself: everybody but clients.
    pub staff_count: i64,
    /// People of its customers.
    pub client_count: i64,
    /// Invitations that nobody has accepted yet.
    pub pending_count: i64,
    /// Everybody who is there.
    pub total_active: i64,
}

#[async_trait]
impl Query for CountMembers {
    const NAME: &'static str = "users:memberCounts";
    const ACCESS: Access = Access::role(Role::Admin).and(Role::Viewer);
    const ROUTE: Route = get("/v1/users/counts");
    type Output = MemberCounts;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<MemberCounts> {
        let now = ctx.now();
        let (staff_count, client_count) = (count(ctx.db, Seat::Staff).await?, count(ctx.db, Seat::Client).await?);
        let pending_count = invitations::count_pending(ctx.db, now).await?;
        Ok(MemberCounts { staff_count, client_count, pending_count, total_active: staff_count + client_count })
    }
}

fn shown(Listed(membership, customer_name): Listed) -> ListedMember {
    ListedMember::new(membership, customer_name)
}

/// The person that a token is of, if they were seen before.
pub(crate) async fn known(db: &mut Reader, claims: &Claims) -> Result<Option<UserId>> {
    store::user_of(db, &claims.token_identifier()).await
}

/// Whether somebody is in any organization.
pub(crate) async fn is_anywhere(db: &mut Reader, user: &UserId) -> Result<bool> {
    Ok(!store::organizations_of(db, user).await?.is_empty())
}

/// How many of those who are here take such a seat.
pub(crate) async fn count(db: &mut Reader, seat: Seat) -> Result<i64> {
    let counts = store::counts(db).await?;
    Ok(counts.into_iter().filter(|(role, _)| Seat::of(*role) == seat).map(|(_, count)| count).sum())
}

/// How many clients of this customer are here.
pub(crate) async fn count_clients_of(db: &mut Reader, customer: &CustomerId) -> Result<i64> {
    store::count_clients_of(db, customer).await
}

/// Whether somebody with this address is here.
pub(crate) async fn has_active_email(db: &mut Reader, email: &str) -> Result<bool> {
    store::has_active_email(db, email).await
}

/// Whether somebody is here.
pub(crate) async fn is_here(db: &mut Reader, user: &UserId) -> Result<bool> {
    Ok(store::find(db, user).await?.is_some_and(|found| found.is_active()))
}

/// Somebody who is here.
///
/// # Errors
/// `NotFound` when nobody of this id is.
pub(crate) async fn find_active(db: &mut Reader, user: &UserId) -> Result<Membership> {
    let found = store::find(db, user).await?.filter(Membership::is_active);
    found.ok_or_else(|| unknown(user))
}
