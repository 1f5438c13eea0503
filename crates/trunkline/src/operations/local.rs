//! Calls operations in this process, on the data folder.

use engine::{Identity, Kind, Operations, Publisher, Who, World};
use kernel::{OrgId, Result};
use serde_json::Value;
use store::{Access, Db};

use crate::{boot, commands::organization_named, environment::Environment, progress::Progress};

/// The installation in the data folder, with its operator as the caller, who has the rights of an owner.
pub(crate) struct Local {
    pub(crate) db: Db,
    pub(crate) world: World,
    /// The organization to act in, where the product has organizations.
    pub(crate) organization: Option<OrgId>,
    operations: Operations,
    who: Who,
}

impl Local {
    pub(super) async fn open(environment: &Environment, organization: Option<&str>, access: Access) -> Result<Self> {
        let world = World::system();
        let migrating = Progress::unknown("opening the database");
        let db = match access {
            Access::Read => boot::opened_to_read(environment).await?,
            Access::Write => boot::opened(environment, &world).await?.0,
        };
        drop(migrating);
        let operations = environment.product.open(&db, &world).await?;
        let organization = match (organization, environment.product.has_members()) {
            (None, false) => None,
            (named, _) => Some(organization_named(&db, named).await?.id),
        };
        let identity = organization.clone().map_or(Identity::Anonymous, Identity::Operator);
        let who = operations.enter(identity, None, None).await?;
        Ok(Self { db, world, organization, operations, who })
    }

    /// Emits domain events in transactions beside the operations.
    pub(crate) fn publisher(&self) -> &Publisher {
        self.operations.publisher()
    }

    pub(super) async fn call(&self, operation: &str, arguments: Value) -> Result<Value> {
        let Self { operations, who, .. } = self;
        match operations.catalog().find(operation)?.description.kind {
            Kind::Query => operations.query(who, operation, arguments).await,
            Kind::Mutation => {
                operations.mutation(who, operation, &arguments, None).await.map(|committed| committed.output)
            }
            Kind::Action => operations.action(who, operation, &arguments).await,
        }
    }
}
