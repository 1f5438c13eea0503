//! Creates and changes organizations.

use ::store::{Db, Tx, work};
use async_trait::async_trait;
use engine::{Claims, Mutation, MutationCtx, Route, World, add_route, operation, patch, post};
use kernel::{Access, Error, OrgId, Result, Role, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Account, ExternalId, Organization,
    account::{Details, account, unknown},
    find, named, route_key, store,
};
use crate::{Email, Name, Patch, users};

/// Create an organization, of which you become the owner. Members of an organization call this with the organization
/// `none`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundOrganization {
    /// The name.
    pub name: Name,
    /// The e-mail address for bills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_email: Option<Email>,
}

#[async_trait]
impl Mutation for FoundOrganization {
    const NAME: &'static str = "organizations:create";
    const ACCESS: Access = Access::SignedIn;
    const ROUTE: operation::Route = post("/v1/organizations");
    type Output = Account;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Account> {
        let claims = users::person(ctx)?;
        let own = users::ensure(ctx, &claims).await?;
        let external_ids = claimed(ctx.db, &claims).await?.into_iter().collect();
        let new = CreateOrganization { name: self.name.clone(), external_ids };
        let (world, now) = (ctx.world().clone(), ctx.now());
        let organization = insert(ctx.db, &world, new).await?.id;
        let details = Details { name: self.name.to_string(), billing_email: self.billing_email, updated: now };
        store::set_details(ctx.db, &organization, &details).await?;
        users::enter(ctx, &organization).await?;
        users::join(ctx, &organization, own, Role::Owner, None).await?;
        account(ctx.db, &organization, now).await
    }
}

/// Change your organization. Fields that are absent stay as they are; `null` empties the address.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateOrganization {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The e-mail address for bills.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub billing_email: Patch<Email>,
}

#[async_trait]
impl Mutation for UpdateOrganization {
    const NAME: &'static str = "organizations:update";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: operation::Route = patch("/v1/organizations/mine");
    type Output = Account;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Account> {
        let (organization, now) = (ctx.organization()?.clone(), ctx.now());
        let before = store::details(ctx.db, &organization).await?.ok_or_else(unknown)?;
        let after = Details {
            name: self.name.map_or(before.name, |name| name.to_string()),
            billing_email: self.billing_email.apply(before.billing_email),
            updated: now,
        };
        store::set_details(ctx.db, &organization, &after).await?;
        account(ctx.db, &organization, now).await
    }
}

/// Returns the external id of a new organization, taken from its creator's token: an admin of the organization at the
/// issuer brings its id along, so that the tokens of colleagues lead to the new organization.
async fn claimed(tx: &mut Tx, claims: &Claims) -> Result<Option<ExternalId>> {
    let runs_it = claims.role.as_deref().is_some_and(|role| Role::parse(role).is_ok_and(Role::is_admin));
    let Some(id) = claims.organization.clone().filter(|_| runs_it) else { return Ok(None) };
    let external = ExternalId { provider: claims.issuer.clone(), id };
    let is_free = external.check().is_ok() && named(tx, &external.id).await?.is_none();
    Ok(Some(external).filter(|_| is_free))
}

/// Create an organization.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrganization {
    /// The name.
    pub name: Name,
    /// The ids of the organization in other systems. Vendors' metadata name organizations by these.
    #[serde(default)]
    pub external_ids: Vec<ExternalId>,
}

/// Creates an organization, and releases the events that waited for one of its ids.
///
/// # Errors
/// `Conflict` when another organization has one of the external ids, `BadRequest` when one is malformed.
pub async fn create(db: &Db, world: &World, new: CreateOrganization) -> Result<Organization> {
    for external in &new.external_ids {
        external.check()?;
    }
    let world = world.clone();
    let write = work(move |tx| {
        let (world, new) = (world.clone(), new.clone());
        Box::pin(async move { insert(tx, &world, new).await })
    });
    db.write(&Scope::System, write).await
}

/// Returns the organization that has the first of these external ids, and creates it when there is none. For seeds.
///
/// # Errors
/// As [`create`].
pub async fn ensure(db: &Db, world: &World, new: CreateOrganization) -> Result<Organization> {
    if let Some(external) = new.external_ids.first()
        && let Some(known) = find(db, &external.id).await?
    {
        return Ok(known);
    }
    create(db, world, new).await
}

async fn insert(tx: &mut Tx, world: &World, new: CreateOrganization) -> Result<Organization> {
    let organization = Organization {
        id: world.new_id(),
        creation_time: world.now(),
        name: new.name.to_string(),
        external_ids: new.external_ids,
    };
    store::insert(tx, &organization).await?;
    lead_here(tx, world, &organization.id, organization.id.as_str()).await?;
    for external in &organization.external_ids {
        if !store::insert_name(tx, &organization.id, external).await? {
            return Err(taken(&external.id));
        }
        lead_here(tx, world, &organization.id, &external.id).await?;
    }
    Ok(organization)
}

async fn lead_here(tx: &mut Tx, world: &World, organization: &OrgId, name: &str) -> Result<()> {
    let route = Route { key: route_key(name), organization: organization.clone(), connection: None };
    if add_route(tx, world, &route).await? { Ok(()) } else { Err(taken(name)) }
}

fn taken(name: &str) -> Error {
    Error::conflict("external_id_taken", "another organization has this external id").context("external_id", name)
}
