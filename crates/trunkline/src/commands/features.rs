//! What the features show and do from the terminal. These commands will be derived from operations.

use app::{
    Name, billing, connections,
    connections::AddConnection,
    contacts, conversations, messages, organizations,
    organizations::{CreateOrganization, ExternalId, Organization},
};
use engine::World;
use kernel::{Error, Id, OrgId, Result};
use serde::Serialize;
use store::Db;

use crate::{
    boot,
    cli::{Connections, Listing, Messages, Of, Organizations},
    environment::Environment,
    output,
};

pub(crate) async fn organizations(command: Organizations, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "name", "externalIds", "_creationTime"];
    let (db, world) = open(environment).await?;
    match command {
        Organizations::Create { name, external_ids } => {
            let external_ids = external_ids.iter().map(|text| external_id(text)).collect::<Result<Vec<_>>>()?;
            let new = CreateOrganization { name: Name::parse(&name)?, external_ids };
            output::rows(json, COLUMNS, &[organizations::create(&db, &world, new).await?])?;
        }
        Organizations::List => output::rows(json, COLUMNS, &organizations::list(&db).await?)?,
    }
    db.close().await;
    Ok(())
}

pub(crate) async fn connections(command: Connections, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "provider", "account", "name", "_creationTime"];
    let (db, world) = open(environment).await?;
    match command {
        Connections::Add { of, provider, account, name } => {
            if vendors::all().iter().all(|vendor| vendor.id != provider) {
                return Err(Error::bad_request("provider_unknown", format!("there is no provider {provider}")));
            }
            let organization = organization(&db, &of).await?;
            let name = Name::parse(&name.unwrap_or_else(|| format!("{provider} {account}")))?;
            let new = AddConnection { provider, account, name };
            output::rows(json, COLUMNS, &[connections::add(&db, &world, &organization.id, new).await?])?;
        }
        Connections::List { of } => {
            let organization = organization(&db, &of).await?;
            output::rows(json, COLUMNS, &connections::list(&db, &organization.id).await?)?;
        }
    }
    db.close().await;
    Ok(())
}

pub(crate) async fn contacts(listing: Listing, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "name", "phone", "username", "_creationTime"];
    list(listing, environment, json, COLUMNS, contacts::list).await
}

pub(crate) async fn conversations(listing: Listing, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] =
        &["_id", "contactName", "channel", "status", "unreadCount", "lastMessageAt", "lastMessagePreview"];
    list(listing, environment, json, COLUMNS, conversations::list).await
}

pub(crate) async fn messages(command: Messages, environment: &Environment, json: bool) -> Result<()> {
    let Messages::List { of, conversation, limit } = command;
    let (db, _) = open(environment).await?;
    let organization = organization(&db, &of).await?;
    let rows = match conversation {
        Some(id) => messages::of_conversation(&db, &organization.id, &Id::parse(&id)?, limit).await?,
        None => messages::list(&db, &organization.id, limit).await?,
    };
    output::rows(json, &["_id", "direction", "type", "status", "occurredAt", "text"], &rows)?;
    db.close().await;
    Ok(())
}

pub(crate) async fn subscriptions(listing: Listing, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "provider", "externalId", "status", "planName", "currentPeriodEnd"];
    list(listing, environment, json, COLUMNS, billing::subscriptions).await
}

/// The newest rows of one organization.
async fn list<T: Serialize>(
    Listing::List { of, limit }: Listing,
    environment: &Environment,
    json: bool,
    columns: &[&str],
    rows: impl AsyncFnOnce(&Db, &OrgId, i64) -> Result<Vec<T>>,
) -> Result<()> {
    let (db, _) = open(environment).await?;
    let organization = organization(&db, &of).await?;
    output::rows(json, columns, &rows(&db, &organization.id, limit).await?)?;
    db.close().await;
    Ok(())
}

async fn open(environment: &Environment) -> Result<(Db, World)> {
    let world = World::system();
    let (db, _) = boot::migrated(environment, &world).await?;
    Ok((db, world))
}

async fn organization(db: &Db, of: &Of) -> Result<Organization> {
    organization_named(db, of.organization.as_deref()).await
}

/// The organization that was named, or the only one there is.
pub(crate) async fn organization_named(db: &Db, name: Option<&str>) -> Result<Organization> {
    if let Some(name) = name {
        let found = organizations::find(db, name).await?;
        return found.ok_or_else(|| {
            Error::not_found(
                "organization_unknown",
                format!("there is no organization {name}: see `trunkline organizations list`"),
            )
        });
    }
    let mut all = organizations::list(db).await?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Error::bad_request(
            "organization_needed",
            "there are several organizations: choose one with --organization",
        )),
        (None, _) => Err(Error::not_found(
            "organization_unknown",
            "there is no organization yet: make one with `trunkline organizations create --name NAME`",
        )),
    }
}

fn external_id(text: &str) -> Result<ExternalId> {
    match text.split_once('=') {
        Some((provider, id)) if !provider.is_empty() && !id.is_empty() => {
            Ok(ExternalId { provider: provider.to_owned(), id: id.to_owned() })
        }
        _ => Err(Error::bad_request(
            "external_id_malformed",
            "write --external-id as PROVIDER=ID, for example workos=org_01H",
        )),
    }
}
