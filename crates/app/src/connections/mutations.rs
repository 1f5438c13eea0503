//! Adds connections.

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
    /// The account as the vendor's events name it: a phone number id.
    pub account: String,
    /// The name of the connection, for people.
    pub name: Name,
}

/// Adds a connection, and releases the events that waited for its account.
///
/// # Errors
/// `NotFound` without the organization; `Conflict` when the account is connected already, here or in another
/// organization.
pub async fn add(db: &Db, world: &World, organization: &OrgId, new: AddConnection) -> Result<Connection> {
    model::check_account(&new.account)?;
    let (world, of) = (world.clone(), organization.clone());
    let write = work(move |tx| {
        let (world, of, new) = (world.clone(), of.clone(), new.clone());
        Box::pin(async move { insert(tx, &world, &of, new).await })
    });
    db.write(&organization.clone().into(), write).await
}

/// Returns the organization's connection to this account, and adds it when there is none. For seeds.
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
        if !add_route(tx, world, &route).await? {
            return Err(taken());
        }
    }
    Ok(connection)
}

/// The error for an account that is connected already. It does not reveal whether another organization has the account.
fn taken() -> Error {
    Error::conflict("account_taken", "this account is connected already")
}
