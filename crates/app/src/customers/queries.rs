//! Queries on customers.

use std::collections::HashSet;

use ::store::Reader;
use async_trait::async_trait;
use engine::{Query, QueryCtx, Range, get, operation::Route};
use kernel::{Access, Error, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Customer, CustomerId,
    model::{Visibility, unknown},
    store,
};
use crate::{
    assignments,
    billing::{self, Seat},
    list,
    users::Colleague,
};

/// All customers that you see, newest first; at most 1,000.
#[derive(Deserialize, JsonSchema)]
pub struct ListCustomers {}

#[async_trait]
impl Query for ListCustomers {
    const NAME: &'static str = "customers:list";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/customers/all");
    type Output = Vec<Customer>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Customer>> {
        let customers = store::list(ctx.db, &Visibility::of(&ctx.reach()), list::LIMIT).await?;
        list::whole(customers, PageCustomers::NAME)
    }
}

/// A part of the customers that you see, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageCustomers {
    /// Which part.
    pub pagination_opts: PageOptions,
    /// Only customers whose name or e-mail address contains this text.
    #[serde(default)]
    pub search: Option<String>,
}

#[async_trait]
impl Query for PageCustomers {
    const NAME: &'static str = "customers:page";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/customers");
    type Output = Page<Customer>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Customer>> {
        let sight = Visibility::of(&ctx.reach());
        let search = searched(self.search.unwrap_or_default())?;
        ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move { store::page(db, &sight, &search, &range).await })
        })
        .await
    }
}

/// Normalises the text of a search, and refuses one that cannot match.
fn searched(search: String) -> Result<String> {
    const LONGEST: usize = 200;
    if search.chars().count() <= LONGEST {
        return Ok(search);
    }
    Err(Error::bad_request("search_too_long", format!("a search is up to {LONGEST} characters")))
}

/// A customer.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetCustomer {
    /// The customer.
    pub customer_id: CustomerId,
}

#[async_trait]
impl Query for GetCustomer {
    const NAME: &'static str = "customers:get";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/customers/{customerId}");
    type Output = Customer;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Customer> {
        let sight = Visibility::of(&ctx.reach());
        find_seen(ctx.db, &self.customer_id, &sight).await
    }
}

/// The number of customers, and the limit of the plan.
#[derive(Deserialize, JsonSchema)]
pub struct CountCustomers {}

/// The number of customers, and the limit of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerUsage {
    /// The number of customers.
    pub count: i64,
    /// The number of customers that the plan allows.
    pub max: i64,
    /// The number of customers that can still be added.
    pub remaining: i64,
    /// Whether the limit is reached.
    pub at_limit: bool,
}

#[async_trait]
impl Query for CountCustomers {
    const NAME: &'static str = "customers:usage";
    const ACCESS: Access = Access::role(Role::Staff).and(Role::Viewer);
    const ROUTE: Route = get("/v1/customers/usage");
    type Output = CustomerUsage;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<CustomerUsage> {
        let now = ctx.now();
        let max = billing::plan(ctx.db, now).await?.allows(Seat::Customer);
        let count = store::count(ctx.db).await?;
        Ok(CustomerUsage { count, max, remaining: (max - count).max(0), at_limit: count >= max })
    }
}

/// The customer that you are a client of; null when you are not a client.
#[derive(Deserialize, JsonSchema)]
pub struct GetMyCustomer {}

#[async_trait]
impl Query for GetMyCustomer {
    const NAME: &'static str = "customers:getMine";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/customers/mine");
    type Output = Option<Customer>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Option<Customer>> {
        let sight = Visibility::of(&ctx.reach());
        let Visibility::Own(customer) = &sight else { return Ok(None) };
        store::find(ctx.db, customer, &sight).await
    }
}

/// The staff who are assigned to the customer that you are a client of.
#[derive(Deserialize, JsonSchema)]
pub struct ListMyAssignedStaff {}

#[async_trait]
impl Query for ListMyAssignedStaff {
    const NAME: &'static str = "customers:myAssignedStaff";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/customers/mine/staff");
    type Output = Vec<Colleague>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Colleague>> {
        let Visibility::Own(customer) = Visibility::of(&ctx.reach()) else { return Ok(Vec::new()) };
        assignments::staff_of(ctx.db, &customer).await
    }
}

/// Returns the customer of this id.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) async fn find(db: &mut Reader, customer: &CustomerId) -> Result<Customer> {
    find_seen(db, customer, &Visibility::All).await
}

/// Returns the customer of this id, for a caller who sees it.
///
/// # Errors
/// `NotFound` when there is none, and when the caller does not see it.
pub(crate) async fn find_seen(db: &mut Reader, customer: &CustomerId, sight: &Visibility) -> Result<Customer> {
    store::find(db, customer, sight).await?.ok_or_else(|| unknown(customer))
}

/// Returns the number of customers.
pub(crate) async fn count(db: &mut Reader) -> Result<i64> {
    store::count(db).await
}

/// Returns the customers that a caller sees, in a range of the list.
pub(crate) async fn seen(db: &mut Reader, sight: &Visibility, range: &Range) -> Result<Vec<Customer>> {
    store::page(db, sight, "", range).await
}

/// Returns whether a customer is recognised by this key: see [`super::NewCustomer`].
pub(crate) async fn is_recognised(db: &mut Reader, key: &str) -> Result<bool> {
    store::is_recognised(db, key).await
}

/// Returns the keys by which all customers are recognised.
pub(crate) async fn recognised(db: &mut Reader) -> Result<HashSet<String>> {
    Ok(store::recognised(db).await?.into_iter().collect())
}
