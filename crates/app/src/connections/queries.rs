//! Queries on connections.

use ::store::Db;
use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, OrgId, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Connection, store};

/// The connections of your organization, oldest first.
#[derive(Deserialize, JsonSchema)]
pub struct ListConnections {}

#[async_trait]
impl Query for ListConnections {
    const NAME: &'static str = "connections:list";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/connections");
    type Output = Vec<Connection>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Connection>> {
        store::all(ctx.db).await
    }
}

/// Returns the connections of an organization, oldest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn list(db: &Db, organization: &OrgId) -> Result<Vec<Connection>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::all(tx))).await
}
