//! Queries on people.

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

/// Your own user; null when you are not known yet.
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
        if let Some(member) = ctx.caller()?.member.clone() {
            return Ok(store::find(ctx.db, &member.user).await?.map(Membership::user));
        }
        let Identity::Token(claims) = ctx.caller()?.identity.clone() else { return Ok(None) };
        let Some(user) = known(ctx.db, &claims).await? else { return Ok(None) };
        Ok(store::person(ctx.db, &user).await?.map(super::Person::user))
    }
}

/// All current and former members of the organization, current ones first.
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

/// A part of the current and former members of the organization.
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

/// The number of members.
#[derive(Deserialize, JsonSchema)]
pub struct CountMembers {}

/// The number of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberCounts {
    /// The number of members with any role but client.
    pub staff_count: i64,
    /// The number of members with the role client.
    pub client_count: i64,
    /// The number of pending invitations.
    pub pending_count: i64,
    /// The number of current members.
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

/// Returns the person of a token, if they are stored.
pub(crate) async fn known(db: &mut Reader, claims: &Claims) -> Result<Option<UserId>> {
    store::user_of(db, &claims.token_identifier()).await
}

/// Returns whether a person is a member of any organization.
pub(crate) async fn is_anywhere(db: &mut Reader, user: &UserId) -> Result<bool> {
    Ok(!store::organizations_of(db, user).await?.is_empty())
}

/// Returns the number of current members who take this kind of seat.
pub(crate) async fn count(db: &mut Reader, seat: Seat) -> Result<i64> {
    let counts = store::counts(db).await?;
    Ok(counts.into_iter().filter(|(role, _)| Seat::of(*role) == seat).map(|(_, count)| count).sum())
}

/// Returns the number of current members who are clients of this customer.
pub(crate) async fn count_clients_of(db: &mut Reader, customer: &CustomerId) -> Result<i64> {
    store::count_clients_of(db, customer).await
}

/// Returns whether a current member has this e-mail address.
pub(crate) async fn has_active_email(db: &mut Reader, email: &str) -> Result<bool> {
    store::has_active_email(db, email).await
}

/// Returns whether a person is a current member.
pub(crate) async fn is_here(db: &mut Reader, user: &UserId) -> Result<bool> {
    Ok(store::find(db, user).await?.is_some_and(|found| found.is_active()))
}

/// Returns a current member.
///
/// # Errors
/// `NotFound` when no current member has this id.
pub(crate) async fn find_active(db: &mut Reader, user: &UserId) -> Result<Membership> {
    let found = store::find(db, user).await?.filter(Membership::is_active);
    found.ok_or_else(|| unknown(user))
}
