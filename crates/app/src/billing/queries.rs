//! Queries on subscriptions, products and plans.

use ::store::{Db, Reader, work};
use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, OrgId, Result, Role, Scope, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Plan, PlanStatus, Product, Subscription,
    plan::{CurrentPlan, Seat, Seats, status},
    store,
};
use crate::{customers, invitations, organizations, users};

/// Returns the subscriptions of an organization, newest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn subscriptions(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Subscription>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::newest(tx, limit))).await
}

/// Returns the products on sale.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn products(db: &Db) -> Result<Vec<Product>> {
    db.read(&Scope::System, |tx| Box::pin(store::products(tx))).await
}

/// Stores `plans` as the plans of the installation; called at start.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn configure(db: &Db, mut plans: Vec<Plan>) -> Result<()> {
    plans.sort_by(|one, other| one.id.cmp(&other.id));
    let known = db.read(&Scope::System, |tx| Box::pin(store::plans(tx))).await?;
    if known == plans {
        return Ok(());
    }
    let write = work(move |tx| {
        let plans = plans.clone();
        Box::pin(async move { store::set_plans(tx, &plans).await })
    });
    db.write(&Scope::System, write).await
}

/// The subscriptions of your organization, newest first: up to 1,000 of them.
#[derive(Deserialize, JsonSchema)]
pub struct ListSubscriptions {}

#[async_trait]
impl Query for ListSubscriptions {
    const NAME: &'static str = "subscriptions:list";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/subscriptions");
    type Output = Vec<Subscription>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Vec<Subscription>> {
        store::newest(ctx.db, MOST).await
    }
}

/// The greatest number of subscriptions in an answer. An organization has the current one, and those before it.
const MOST: i64 = 1000;

/// The usage of your organization, and the limits of its plan.
#[derive(Deserialize, JsonSchema)]
pub struct GetUsageStats {}

/// The usage of an organization, and the limits of its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsageStats {
    /// The plan.
    pub plan: PlanStats,
    /// The usage.
    pub usage: Usage,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStats {
    /// The name of the plan.
    pub name: String,
    /// The status of the subscription; `inactive` without one.
    pub status: PlanStatus,
    /// The product of the subscription; null without a subscription.
    pub plan_id: Option<String>,
}

/// The usage of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Usage {
    /// Customers.
    pub customers: Used,
    /// Members with any role but client, pending invitations included.
    pub staff: Used,
    /// Members with the role client, pending invitations included.
    pub clients: Used,
}

/// A number and its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Used {
    /// How many there are.
    pub count: i64,
    /// How many the plan allows.
    pub max: i64,
}

#[async_trait]
impl Query for GetUsageStats {
    const NAME: &'static str = "billing:usageStats";
    const ACCESS: Access = Access::role(Role::Staff).and(Role::Viewer);
    const ROUTE: Route = get("/v1/billing/usage");
    type Output = UsageStats;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<UsageStats> {
        let (now, plan) = (ctx.now(), plan(ctx.db, ctx.now()).await?);
        let usage = Usage {
            customers: used_of(ctx.db, &plan, Seat::Customer, now).await?,
            staff: used_of(ctx.db, &plan, Seat::Staff, now).await?,
            clients: used_of(ctx.db, &plan, Seat::Client, now).await?,
        };
        let status = plan.subscription.as_ref().map_or(PlanStatus::Inactive, status);
        let plan_id = plan.subscription.and_then(|subscription| subscription.plan_id);
        Ok(UsageStats { plan: PlanStats { name: plan.name, status, plan_id }, usage })
    }
}

/// The subscription of your organization.
#[derive(Deserialize, JsonSchema)]
pub struct GetBillingInfo {}

/// The subscription of an organization. Fields that are not known are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillingInfo {
    /// The name of the organization.
    pub name: String,
    /// The vendor's id of the subscription.
    pub subscription_id: Option<String>,
    /// The status of the subscription.
    pub subscription_status: Option<PlanStatus>,
    /// The product of the subscription.
    pub plan_id: Option<String>,
    /// The end of the trial.
    pub trial_ends_at: Option<Time>,
    /// When the subscription ends or ended.
    pub ends_at: Option<Time>,
    /// Whether the subscription is in its trial.
    pub is_trialing: bool,
    /// The number of days left of the trial, including today.
    pub trial_days_remaining: Option<i64>,
}

#[async_trait]
impl Query for GetBillingInfo {
    const NAME: &'static str = "billing:info";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/billing");
    type Output = BillingInfo;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<BillingInfo> {
        let (now, organization) = (ctx.now(), ctx.organization()?.clone());
        let name = organizations::name_of(ctx.db, &organization).await?;
        let subscription = plan(ctx.db, now).await?.subscription;
        let is_trialing =
            subscription.as_ref().is_some_and(|subscription| status(subscription) == PlanStatus::Trialing);
        let trial_ends_at = subscription.as_ref().and_then(|subscription| subscription.trial_ends_at);
        Ok(BillingInfo {
            name,
            subscription_status: subscription.as_ref().map(status),
            trial_ends_at,
            ends_at: subscription.as_ref().and_then(|subscription| subscription.ends_at),
            is_trialing,
            trial_days_remaining: trial_ends_at.filter(|_| is_trialing).map(|end| days_until(end, now)),
            plan_id: subscription.as_ref().and_then(|subscription| subscription.plan_id.clone()),
            subscription_id: subscription.map(|subscription| subscription.external_id),
        })
    }
}

fn days_until(end: Time, now: Time) -> i64 {
    i64::try_from(end.since(now).as_millis().div_ceil(86_400_000)).unwrap_or(i64::MAX)
}

/// The number of subscriptions that are read to find the current one, which is among the newest.
const NEWEST: i64 = 50;

/// Returns the plan of the organization of this transaction.
pub(crate) async fn plan(db: &mut Reader, now: Time) -> Result<CurrentPlan> {
    let subscriptions = store::newest(db, NEWEST).await?;
    let plans = store::plans(db).await?;
    Ok(CurrentPlan::of(subscriptions, &plans, now))
}

/// Checks that one more seat is free. Call it in the transaction that takes the seat: of two transactions that take the
/// last one, only one can commit.
///
/// # Errors
/// `LimitReached` when the plan allows no more.
pub(crate) async fn room_for_one(db: &mut Reader, seat: Seat, now: Time) -> Result<()> {
    room(db, seat, now).await?.take()
}

/// Returns the taken seats and their limit. Call it in the transaction that takes seats, like [`room_for_one`].
pub(crate) async fn room(db: &mut Reader, seat: Seat, now: Time) -> Result<Seats> {
    let plan = plan(db, now).await?;
    let used = used(db, seat, now).await?;
    Ok(Seats { plan, seat, used })
}

async fn used_of(db: &mut Reader, plan: &CurrentPlan, seat: Seat, now: Time) -> Result<Used> {
    Ok(Used { count: used(db, seat, now).await?, max: plan.allows(seat) })
}

async fn used(db: &mut Reader, seat: Seat, now: Time) -> Result<i64> {
    match seat {
        Seat::Customer => customers::count(db).await,
        Seat::Staff | Seat::Client => {
            Ok(users::count(db, seat).await? + invitations::count_seats(db, seat, now).await?)
        }
    }
}
