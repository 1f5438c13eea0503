//! The demo organization, and its API key.

use app::{
    Name, api_keys, connections,
    connections::AddConnection,
    organizations,
    organizations::{CreateOrganization, ExternalId},
};
use bytes::Bytes;
use engine::{Delivery, Identity, Inbox, InboxOptions, Intake, World};
use http::{HeaderMap, Method};
use kernel::{Code, Error, OrgId, Result};
use provider::{WebhookRequest, WebhookState};
use serde_json::json;
use store::Db;

use super::secrets::Secrets;
use crate::{
    Product,
    commands::{
        samples::{CONNECTIONS, SEEDS},
        serve::Started,
    },
};

/// Creates the demo organization and its connections, and posts the events of its subscriptions like any other events.
pub(super) async fn seed(started: &Started) -> Result<OrgId> {
    let Started { db, world, .. } = started;
    let demo = CreateOrganization {
        name: Name::parse("Demo")?,
        external_ids: vec![ExternalId { provider: "demo".to_owned(), id: "demo".to_owned() }],
    };
    let demo = organizations::ensure(db, world, demo).await?;
    for (provider, account, name) in CONNECTIONS {
        let new =
            AddConnection { provider: provider.to_owned(), account: account.to_owned(), name: Name::parse(name)? };
        connections::ensure(db, world, &demo.id, new).await?;
    }
    deliver_seeds(started, db, world).await?;
    Ok(demo.id)
}

async fn deliver_seeds(started: &Started, db: &Db, world: &World) -> Result<()> {
    let inbox = Inbox::start(db, world, InboxOptions::default());
    for seed in SEEDS {
        let Some((entry, WebhookState::On(source))) = started.registry.get(seed.provider) else { continue };
        let (headers, body) = (HeaderMap::new(), Bytes::from_static(seed.body.as_bytes()));
        let request = WebhookRequest {
            method: &Method::POST,
            url: "http://localhost/",
            headers: &headers,
            body: &body,
            received_at: world.now(),
        };
        let events = source.events(&request);
        let delivery = Delivery {
            provider: entry.id,
            connection: String::new(),
            headers: Vec::new(),
            received_at: world.now(),
            events,
        };
        inbox.accept(delivery).await?;
    }
    Ok(())
}

/// Ensures that a valid API key with the role owner exists. Returns none for a product whose people are not members of
/// organizations, where a key would have no organization.
pub(super) async fn ensure_key(
    product: &Product,
    started: &Started,
    demo: &OrgId,
    secrets: &mut Secrets,
) -> Result<Option<String>> {
    let Started { db, world, .. } = started;
    if !product.has_members() {
        return Ok(None);
    }
    if let Some(key) = secrets.api_key() {
        match api_keys::identify(db, world, key).await {
            Ok(_) => return Ok(Some(key.to_owned())),
            Err(error) if error.code == Code::Unauthenticated => {}
            Err(error) => return Err(error),
        }
    }
    let operations = product.open(db, world).await?;
    let operator = operations.enter(Identity::Operator(demo.clone()), None, None).await?;
    let wanted = json!({ "name": "dev", "role": "owner" });
    let made = operations.mutation(&operator, "apiKeys:create", &wanted, None).await?.output;
    let key = made["key"].as_str().ok_or_else(|| Error::internal("api_key_absent", "the new API key was not shown"))?;
    secrets.keep_api_key(key)?;
    Ok(Some(key.to_owned()))
}
