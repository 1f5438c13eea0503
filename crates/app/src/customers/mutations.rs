//! Creates, changes and deletes customers.

use ::store::Tx;
use async_trait::async_trait;
use engine::{Member, Mutation, MutationCtx, delete, operation::Route, patch, post};
use kernel::{Access, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Customer, CustomerCreated, CustomerDeleted, CustomerId, CustomerUpdated, Notes,
    model::{NewCustomer, Visibility, in_use},
    queries::{find, find_seen},
    store,
};
use crate::{
    Email, Name, Patch, assignments,
    billing::{self, Seat},
    invitations, users,
};

/// Create a customer. A staff member who creates one is assigned to it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateCustomer {
    /// The name.
    pub name: Name,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<Email>,
    /// Notes about the customer.
    #[serde(default)]
    pub notes: Option<Notes>,
}

#[async_trait]
impl Mutation for CreateCustomer {
    const NAME: &'static str = "customers:create";
    const ACCESS: Access = Access::role(Role::Staff);
    const ROUTE: Route = post("/v1/customers");
    type Output = Customer;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Customer> {
        let now = ctx.now();
        billing::room_for_one(ctx.db, Seat::Customer, now).await?;
        let new = NewCustomer { name: self.name, email: self.email, notes: self.notes };
        let customer = Customer::new(ctx.new_id(), ctx.organization()?.clone(), new, now);
        add(ctx.db, &customer).await?;
        if let Some(Member { user, role: Role::Staff, .. }) = ctx.caller().member.clone() {
            assignments::add(ctx, &customer.id, &user).await?;
        }
        ctx.emit(CustomerCreated { customer: customer.clone() }).await?;
        Ok(customer)
    }
}

/// Change a customer. Fields that are absent stay as they are; `null` empties a field.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCustomer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub email: Patch<Email>,
    /// Notes about the customer.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub notes: Patch<Notes>,
}

#[async_trait]
impl Mutation for UpdateCustomer {
    const NAME: &'static str = "customers:update";
    const ACCESS: Access = Access::role(Role::Staff);
    const ROUTE: Route = patch("/v1/customers/{customerId}");
    type Output = Customer;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Customer> {
        let sight = Visibility::of(&ctx.caller().reach());
        let before = find_seen(ctx.db, &self.customer_id, &sight).await?;
        let after = Customer {
            name: self.name.unwrap_or(before.name),
            email: self.email.apply(before.email),
            notes: self.notes.apply(before.notes),
            updated_at: ctx.now(),
            ..before
        };
        store::update(ctx.db, &after).await?;
        ctx.emit(CustomerUpdated { customer: after.clone() }).await?;
        Ok(after)
    }
}

/// Delete a customer. It must have no clients and no pending invitations.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteCustomer {
    /// The customer.
    pub customer_id: CustomerId,
}

#[async_trait]
impl Mutation for DeleteCustomer {
    const NAME: &'static str = "customers:delete";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = delete("/v1/customers/{customerId}");
    type Output = Customer;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Customer> {
        let (now, customer) = (ctx.now(), find(ctx.db, &self.customer_id).await?);
        let clients = users::count_clients_of(ctx.db, &customer.id).await?;
        let invited = invitations::count_pending_of(ctx.db, &customer.id, now).await?;
        if clients + invited > 0 {
            return Err(in_use(clients, invited));
        }
        assignments::remove_all_of_customer(ctx.db, &customer.id).await?;
        store::delete(ctx.db, &customer.id).await?;
        ctx.emit(CustomerDeleted { customer: customer.clone() }).await?;
        Ok(customer)
    }
}

/// Adds a customer, when the plan allows it.
pub(crate) async fn add(tx: &mut Tx, customer: &Customer) -> Result<()> {
    store::insert(tx, customer).await
}
