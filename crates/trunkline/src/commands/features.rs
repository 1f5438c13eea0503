//! Commands across organizations, and lists with `--limit`, which read an operation page by page.

use app::{
    Name, connections,
    connections::AddConnection,
    organizations,
    organizations::{CreateOrganization, ExternalId, Organization},
};
use engine::World;
use kernel::{Error, Result};
use serde_json::{Value, json};
use store::{Access, Db};

use crate::{
    boot,
    cli::{Connections, Listing, Messages, OrganizationFlag, Organizations},
    environment::Environment,
    operations::Target,
    output,
};

pub(crate) async fn organizations(command: Organizations, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "name", "externalIds", "_creationTime"];
    let world = World::system();
    let db = match &command {
        Organizations::Create { .. } => boot::opened(environment, &world).await?.0,
        Organizations::List | Organizations::Erasures { .. } => boot::opened_to_read(environment).await?,
    };
    match command {
        Organizations::Create { name, external_ids } => {
            let external_ids = external_ids.iter().map(|text| external_id(text)).collect::<Result<Vec<_>>>()?;
            let new = CreateOrganization { name: Name::parse(&name)?, external_ids };
            output::rows(json, COLUMNS, &[organizations::create(&db, &world, new).await?])?;
        }
        Organizations::List => output::rows(json, COLUMNS, &organizations::list(&db).await?)?,
        Organizations::Erasures { limit } => {
            const COLUMNS: &[&str] =
                &["_id", "requestedBy", "requestedAt", "erasedAt", "stepsDone", "stepsTotal", "rows"];
            output::rows(json, COLUMNS, &engine::erasure::erasures(&db, limit).await?)?;
        }
    }
    db.close().await;
    Ok(())
}

pub(crate) async fn connections(command: Connections, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "provider", "account", "name", "_creationTime"];
    let world = World::system();
    let (db, _) = boot::opened(environment, &world).await?;
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
    }
    db.close().await;
    Ok(())
}

pub(crate) async fn contacts(listing: Listing, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "name", "phone", "username", "_creationTime"];
    list(&listing.into(), environment, json, ("contacts:page", COLUMNS)).await
}

pub(crate) async fn conversations(listing: Listing, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] =
        &["_id", "contactName", "channel", "status", "unreadCount", "lastMessageAt", "lastMessagePreview"];
    list(&listing.into(), environment, json, ("conversations:page", COLUMNS)).await
}

pub(crate) async fn messages(command: Messages, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "direction", "type", "status", "occurredAt", "text"];
    let Messages::List { of, conversation, limit } = command;
    let arguments = conversation.map_or_else(|| json!({}), |id| json!({ "conversationId": id }));
    list(&Newest { of, limit, arguments }, environment, json, ("messages:page", COLUMNS)).await
}

pub(crate) async fn subscriptions(listing: Listing, environment: &Environment, json: bool) -> Result<()> {
    const COLUMNS: &[&str] = &["_id", "provider", "externalId", "status", "planName", "currentPeriodEnd"];
    let Listing::List { of, limit } = listing;
    let target = Target::open(environment, of.organization.as_deref(), Access::Read).await?;
    let listed = target.call("subscriptions:list", json!({})).await;
    target.close().await;
    let mut rows = listed?.as_array().cloned().unwrap_or_default();
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    output::rows(json, COLUMNS, &rows)
}

/// Selects the newest rows of a list that an operation returns in pages.
struct Newest {
    of: OrganizationFlag,
    limit: i64,
    arguments: Value,
}

impl From<Listing> for Newest {
    fn from(Listing::List { of, limit }: Listing) -> Self {
        Self { of, limit, arguments: json!({}) }
    }
}

async fn list(
    newest: &Newest,
    environment: &Environment,
    json: bool,
    (operation, columns): (&str, &[&str]),
) -> Result<()> {
    let target = Target::open(environment, newest.of.organization.as_deref(), Access::Read).await?;
    let rows = pages(&target, newest, operation).await;
    target.close().await;
    output::rows(json, columns, &rows?)
}

/// The greatest number of rows of a page.
const PAGE: usize = 1000;

/// Reads pages until there are enough rows.
async fn pages(target: &Target, newest: &Newest, operation: &str) -> Result<Vec<Value>> {
    let limit = usize::try_from(newest.limit).unwrap_or(usize::MAX);
    let (mut rows, mut arguments) = (Vec::new(), newest.arguments.clone());
    let mut cursor = Value::Null;
    while rows.len() < limit {
        arguments["paginationOpts"] = json!({ "numItems": PAGE.min(limit - rows.len()), "cursor": cursor });
        let mut page = target.call(operation, arguments.clone()).await?;
        rows.extend(page["page"].as_array_mut().map(std::mem::take).unwrap_or_default());
        if page["isDone"] != false {
            break;
        }
        cursor = page["continueCursor"].take();
    }
    Ok(rows)
}

async fn organization(db: &Db, of: &OrganizationFlag) -> Result<Organization> {
    organization_named(db, of.organization.as_deref()).await
}

/// Returns the organization with this name, or the only one.
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
