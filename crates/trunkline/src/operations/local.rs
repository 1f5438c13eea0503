//! A call in this process, on the data folder.

use engine::{Identity, Kind, World};
use kernel::{OrgId, Result};
use serde_json::Value;

use super::Call;
use crate::{boot, commands::organization_named, environment::Environment};

/// Makes the call as the operator of the installation, who may do what an owner may.
pub(super) async fn call(environment: &Environment, call: &Call) -> Result<Value> {
    let world = World::system();
    let (db, _) = boot::migrated(environment, &world).await?;
    let operations = environment.product.open(&db, &world).await?;
    let organization: Option<OrgId> = match (&call.organization, environment.product.has_members()) {
        (None, false) => None,
        (named, _) => Some(organization_named(&db, named.as_deref()).await?.id),
    };
    let identity = organization.map_or(Identity::Anonymous, Identity::Operator);
    let who = operations.enter(identity, None, None).await?;
    let answer = match operations.catalog().find(call.operation)?.description.kind {
        Kind::Query => operations.query(&who, call.operation, call.arguments.clone()).await,
        Kind::Mutation => {
            operations.mutation(&who, call.operation, &call.arguments, None).await.map(|committed| committed.output)
        }
        Kind::Action => operations.action(&who, call.operation, &call.arguments).await,
    };
    db.close().await;
    answer
}
