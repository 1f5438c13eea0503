//! Adding connections.

use ::store::{Db, Tx, work};
use engine::{Route, World, add_route};
use kernel::{Error, OrgId, Result};
use serde::Deserialize;

use super::{Connection, list, model, route_key, store};
use crate::{Name, organizations};

/// Connect an account at a vendor.
#[derive(Clone, Debug, Deserialize)]
pub struct AddConnection {
    /// The vendor's name in the registry.
    pub provider: String,
    /// The account as the vendor names it in events: a phone number id.
    pub account: String,
    /// What people call it.
    pub name: Name,
}

/// Connects an account, and lets events go on that waited for it.
///
/// # Errors
/// `NotFound` without the organization; `Conflict` when the account is connected already, to whomever.
pub async fn add(db: &Db, world: &World, organization: &OrgId, new: AddConnection) -> Result<Connection> {
    model::check_account(&new.account)?;
    let (world, of) = (world.clone(), organization.clone());
    let write = work(move |tx| {
        let (world, of, new) = (world.clone(), of.clone(), new.clone());
        Box::pin(async move { insert(tx, &world, &of, new).await })
    });
    db.write(&organization.clone().into(), write).await
}

/// The organization's connection to this account; it is added when there is none. For seeds.
///
/// # Errors
/// As [`add`].
pub async fn ensure(db: &Db, world: &World, organization: &OrgId, new: AddConnection) -> Result<Connection> {
    let same = |known: &Connection| known.provider == new.provider && known.account == new.account;
    match list(db, organization).await?.into_iter().find(same) {
        Some(known) => Ok(known),
        None => add(db, world, organization, new).await,
    }
}

async fn insert(tx: &mut Tx, world: &World, organization: &OrgId, new: AddConnection) -> Result<Connection> {
    if !organizations::exists(tx, organization).await? {
        return Err(Error::not_found("organization_unknown", "there is no such organization"));
    }
    let connection = Connection {
        id: world.new_id(),
        creation_time: world.now(),
        provider: new.provider,
        account: new.account,
        name: new.name.to_string(),
    };
    if !store::insert(tx, &connection).await? {
        return Err(taken());
    }
    let keys = [route_key(&connection.provider, &connection.account), format!("connection:{}", connection.id)];
    for key in keys {
        let route = Route { key, organization: organization.clone(), connection: Some(connection.id.to_string()) };
        if !add_route(tx, &route, world.now()).await? {
            return Err(taken());
        }
    }
    Ok(connection)
}

/// One answer for every owner: whether another tenant has the account is nobody's business.
fn taken() -> Error {
    Error::conflict("account_taken", "this account is connected already")
}
