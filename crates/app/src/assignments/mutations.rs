//! Assigning staff, and taking it back. Both change at once what they see, in open live queries too.

use ::store::Tx;
use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, post};
use kernel::{Access, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Assigned,
    model::{not_assigned, not_staff},
    store,
};
use crate::{
    customers::{self, CustomerId},
    users::{self, UserId},
};

/// Let a staff member look after a customer. Whoever does already goes on.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignStaff {
    /// Which customer.
    pub customer_id: CustomerId,
    /// Who.
    pub user_id: UserId,
}

#[async_trait]
impl Mutation for AssignStaff {
    const NAME: &'static str = "assignments:assign";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/customers/{customerId}/staff");
    type Output = Assigned;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Assigned> {
        customers::find(ctx.db, &self.customer_id).await?;
        if users::find_active(ctx.db, &self.user_id).await?.role != Role::Staff {
            return Err(not_staff());
        }
        add(ctx, &self.customer_id, &self.user_id).await?;
        store::find(ctx.db, &self.customer_id, &self.user_id).await?.ok_or_else(not_assigned)
    }
}

/// Take a customer from a staff member: they see it no more.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnassignStaff {
    /// Which customer.
    pub customer_id: CustomerId,
    /// From whom.
    pub user_id: UserId,
}

#[async_trait]
impl Mutation for UnassignStaff {
    const NAME: &'static str = "assignments:unassign";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/customers/{customerId}/staff/{userId}/unassign");
    type Output = Assigned;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Assigned> {
        let found = store::find(ctx.db, &self.customer_id, &self.user_id).await?.ok_or_else(not_assigned)?;
        store::delete(ctx.db, &found.assignment_id).await?;
        Ok(found)
    }
}

/// Lets somebody look after a customer; nothing changes when they do already.
pub(crate) async fn add(ctx: &mut MutationCtx<'_>, customer: &CustomerId, user: &UserId) -> Result<()> {
    let (id, now) = (ctx.new_id(), ctx.now());
    store::insert(ctx.db, &id, customer, user, now).await
}

/// Nobody looks after a customer any more.
pub(crate) async fn remove_all_of_customer(tx: &mut Tx, customer: &CustomerId) -> Result<()> {
    store::delete_of_customer(tx, customer).await
}

/// Somebody looks after nobody any more.
pub(crate) async fn remove_all_of_staff(tx: &mut Tx, user: &UserId) -> Result<()> {
    store::delete_of_staff(tx, user).await
}
