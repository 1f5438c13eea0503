//! Queries on assignments.

use ::store::Reader;
use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Assigned, store};
use crate::{
    customers::{self, CustomerId, Visibility},
    list,
    users::Colleague,
};

/// The staff who are assigned to a customer.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListAssignedStaff {
    /// The customer.
    pub customer_id: CustomerId,
}

#[async_trait]
impl Query for ListAssignedStaff {
    const NAME: &'static str = "assignments:listAssigned";
    const ACCESS: Access = Access::role(Role::Staff).and(Role::Viewer);
    const ROUTE: Route = get("/v1/customers/{customerId}/staff");
    type Output = Vec<Assigned>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Assigned>> {
        let sight = Visibility::of(&ctx.reach());
        customers::find_seen(ctx.db, &self.customer_id, &sight).await?;
        list::whole(store::assigned(ctx.db, &self.customer_id, list::LIMIT).await?, "users:page")
    }
}

/// The staff who are not assigned to a customer yet.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListAvailableStaff {
    /// The customer.
    pub customer_id: CustomerId,
}

#[async_trait]
impl Query for ListAvailableStaff {
    const NAME: &'static str = "assignments:listAvailable";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/customers/{customerId}/available-staff");
    type Output = Vec<Colleague>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Colleague>> {
        customers::find(ctx.db, &self.customer_id).await?;
        list::whole(store::available(ctx.db, &self.customer_id, list::LIMIT).await?, "users:page")
    }
}

/// Returns the staff who are assigned to a customer, for the people of that customer.
pub(crate) async fn staff_of(db: &mut Reader, customer: &CustomerId) -> Result<Vec<Colleague>> {
    let assigned = list::whole(store::assigned(db, customer, list::LIMIT).await?, "users:page")?;
    Ok(assigned.into_iter().map(|assigned| assigned.colleague).collect())
}
