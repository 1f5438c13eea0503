//! Making organizations.

use ::store::{Db, Tx, work};
use engine::{Route, World, add_route};
use kernel::{Error, OrgId, Result, Scope};
use serde::Deserialize;

use super::{ExternalId, Organization, find, route_key, store};
use crate::Name;

/// Create an organization.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrganization {
    /// What people call it.
    pub name: Name,
    /// What other systems call it. Vendors' metadata name organizations by these.
    #[serde(default)]
    pub external_ids: Vec<ExternalId>,
}

/// Creates an organization, and lets events go on that waited for one of its names.
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

/// The organization that has the first of these external ids; it is created when there is none. For seeds.
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
    if add_route(tx, &route, world.now()).await? { Ok(()) } else { Err(taken(name)) }
}

fn taken(name: &str) -> Error {
    Error::conflict("external_id_taken", "another organization has this external id").context("external_id", name)
}
