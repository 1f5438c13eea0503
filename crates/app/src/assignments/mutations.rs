//! Assigns staff to customers and removes assignments. Both take effect at once, in open live queries too.

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

/// Assign a staff member to a customer. Others who are assigned to the customer stay assigned.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignStaff {
    /// The customer.
    pub customer_id: CustomerId,
    /// The staff member.
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

/// Remove the assignment of a staff member to a customer, which they no longer see.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnassignStaff {
    /// The customer.
    pub customer_id: CustomerId,
    /// The staff member.
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

/// Assigns a person to a customer; changes nothing when they are assigned already.
pub(crate) async fn add(ctx: &mut MutationCtx<'_>, customer: &CustomerId, user: &UserId) -> Result<()> {
    let (id, now) = (ctx.new_id(), ctx.now());
    store::insert(ctx.db, &id, customer, user, now).await
}

/// Removes all assignments to a customer.
pub(crate) async fn remove_all_of_customer(tx: &mut Tx, customer: &CustomerId) -> Result<()> {
    store::delete_of_customer(tx, customer).await
}

/// Removes all assignments of a staff member.
pub(crate) async fn remove_all_of_staff(tx: &mut Tx, user: &UserId) -> Result<()> {
    store::delete_of_staff(tx, user).await
}
