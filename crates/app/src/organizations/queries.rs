//! Queries on organizations.

use ::store::{Db, Reader, Tx};
use async_trait::async_trait;
use engine::{Identity, Query, QueryCtx, get, operation::Route};
use kernel::{Access, OrgId, Result, Role, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Account, Organization,
    account::{account, unknown},
    store,
};
use crate::users::{self, UserId};

/// Your organization; null while you are in none.
#[derive(Deserialize, JsonSchema)]
pub struct GetMyOrganization {}

#[async_trait]
impl Query for GetMyOrganization {
    const NAME: &'static str = "organizations:getMine";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/organizations/mine");
    type Output = Option<Account>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Option<Account>> {
        let (Some(organization), Some(_)) = (ctx.organization().ok().cloned(), ctx.reach().role) else {
            return Ok(None);
        };
        let now = ctx.now();
        account(ctx.db, &organization, now).await.map(Some)
    }
}

/// Whether you are in an organization. Anybody may call this.
#[derive(Deserialize, JsonSchema)]
pub struct HasOrganization {}

/// Whether a caller is signed in, and in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationStatus {
    /// Whether the caller is in an organization.
    pub has_org: bool,
    /// Whether the caller is signed in.
    pub is_authenticated: bool,
    /// The role of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The id of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

#[async_trait]
impl Query for HasOrganization {
    const NAME: &'static str = "organizations:has";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/organizations/has");
    const PERSONAL: bool = true;
    type Output = OrganizationStatus;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<OrganizationStatus> {
        let caller = ctx.caller()?.clone();
        let user_id = match (&caller.member, &caller.identity) {
            (Some(member), _) => Some(member.user.clone()),
            (None, Identity::Token(claims)) => users::known(ctx.db, claims).await?,
            (None, Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_)) => None,
        };
        // A caller who acts in none of their organizations is told that they have one: a client that watches this query
        // learns when the caller becomes a member.
        let has_org = match &user_id {
            Some(user) if caller.organization.is_none() => users::is_anywhere(ctx.db, user).await?,
            Some(_) | None => caller.role().is_some(),
        };
        Ok(OrganizationStatus {
            has_org,
            is_authenticated: caller.identity != Identity::Anonymous,
            role: caller.role(),
            user_id,
        })
    }
}

/// Returns all organizations, oldest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db) -> Result<Vec<Organization>> {
    db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let mut organizations = store::all(tx).await?;
            for organization in &mut organizations {
                organization.external_ids = store::names(tx, &organization.id).await?;
            }
            Ok(organizations)
        })
    })
    .await
}

/// The organization with this id or this external id.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn find(db: &Db, name: &str) -> Result<Option<Organization>> {
    let name = name.to_owned();
    db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let Some(id) = named(tx, &name).await? else { return Ok(None) };
            let Some(mut organization) = store::one(tx, &id).await? else { return Ok(None) };
            organization.external_ids = store::names(tx, &id).await?;
            Ok(Some(organization))
        })
    })
    .await
}

/// Returns the id of the organization with this id or this external id.
pub(crate) async fn named(tx: &mut Reader, name: &str) -> Result<Option<OrgId>> {
    store::id_of(tx, name).await
}

/// Returns whether the organization exists.
pub(crate) async fn exists(tx: &mut Tx, id: &OrgId) -> Result<bool> {
    Ok(store::one(tx, id).await?.is_some())
}

/// Returns the name of an organization.
pub(crate) async fn name_of(db: &mut Reader, id: &OrgId) -> Result<String> {
    Ok(store::one(db, id).await?.ok_or_else(unknown)?.name)
}
