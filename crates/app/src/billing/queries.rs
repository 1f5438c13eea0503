//! Looking at subscriptions, products, and what a plan allows.

use ::store::{Db, Reader, work};
use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, OrgId, Result, Role, Scope, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Plan, PlanStatus, Product, Subscription,
    plan::{InForce, Room, Seat, status},
    store,
};
use crate::{customers, invitations, organizations, users};

/// An organization's subscriptions, newest first.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn subscriptions(db: &Db, organization: &OrgId, limit: i64) -> Result<Vec<Subscription>> {
    db.read(&organization.clone().into(), |tx| Box::pin(store::newest(tx, limit))).await
}

/// What is on sale.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn products(db: &Db) -> Result<Vec<Product>> {
    db.read(&Scope::System, |tx| Box::pin(store::products(tx))).await
}

/// Makes these the plans of the installation, at its start.
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

/// Subscriptions that are listed. An organization has one, and those that it had before.
const MOST: i64 = 1000;

/// What your organization has, and what its plan allows.
#[derive(Deserialize, JsonSchema)]
pub struct GetUsageStats {}

/// What an organization has, and what its plan allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsageStats {
    /// The plan.
    pub plan: PlanStats,
    /// What it has.
    pub usage: Usage,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStats {
    /// What people call it.
    pub name: String,
    /// Where the subscription stands; `inactive` without one.
    pub status: PlanStatus,
    /// What was bought; null without a subscription.
    pub plan_id: Option<String>,
}

/// What an organization has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Usage {
    /// Client companies.
    pub customers: Used,
    /// People of the organization itself, with those who were invited.
    pub staff: Used,
    /// People of its customers, with those who were invited.
    pub clients: Used,
}

/// How many there are of how many there may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Used {
    /// How many there are.
    pub count: i64,
    /// How many there may be.
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

/// Where your organization's subscription stands.
#[derive(Deserialize, JsonSchema)]
pub struct GetBillingInfo {}

/// Where an organization's subscription stands. What is not known is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillingInfo {
    /// What the organization is called.
    pub name: String,
    /// The vendor's id of the subscription.
    pub subscription_id: Option<String>,
    /// Where it stands.
    pub subscription_status: Option<PlanStatus>,
    /// What was bought.
    pub plan_id: Option<String>,
    /// Until when it costs nothing.
    pub trial_ends_at: Option<Time>,
    /// When it ends or ended.
    pub ends_at: Option<Time>,
    /// Whether it costs nothing for now.
    pub is_trialing: bool,
    /// For how many days more, the day that has begun included.
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

/// Subscriptions to look at: the one that runs is among the newest.
const NEWEST: i64 = 50;

/// The plan that holds for the organization of this transaction.
pub(crate) async fn plan(db: &mut Reader, now: Time) -> Result<InForce> {
    let subscriptions = store::newest(db, NEWEST).await?;
    let plans = store::plans(db).await?;
    Ok(InForce::of(subscriptions, &plans, now))
}

/// Whether one more may be there. Ask it in the transaction that adds one: two that take the last seat at once cannot
/// both commit.
///
/// # Errors
/// `LimitReached` when the plan allows no more.
pub(crate) async fn room_for_one(db: &mut Reader, seat: Seat, now: Time) -> Result<()> {
    room(db, seat, now).await?.take()
}

/// The room that there is. Ask it in the transaction that fills it, as [`room_for_one`].
pub(crate) async fn room(db: &mut Reader, seat: Seat, now: Time) -> Result<Room> {
    let plan = plan(db, now).await?;
    let used = used(db, seat, now).await?;
    Ok(Room { plan, seat, used })
}

async fn used_of(db: &mut Reader, plan: &InForce, seat: Seat, now: Time) -> Result<Used> {
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
