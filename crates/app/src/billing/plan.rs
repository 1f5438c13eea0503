//! The plan of an organization: that of its subscription, or the free plan.

use kernel::{Code, Error, Limits, Result, Role, Time};
use provider::payments::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subscription;

/// A plan of the installation and its limits. Configured by `PLANS`, a JSON list.
///
/// A subscription without limits of its own has those of the plan whose id is that of its product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The product's id at the payments vendor; `free` for organizations without a subscription.
    pub id: String,
    /// The name of the plan.
    pub name: String,
    /// The limits of the plan.
    #[serde(flatten)]
    pub limits: Limits,
}

impl Plan {
    /// The id of the plan of organizations without a subscription.
    pub const FREE: &'static str = "free";

    /// Parses the value of `PLANS`.
    ///
    /// # Errors
    /// `Config` when the text is not a list of plans.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        serde_json::from_str(text).map_err(|error| {
            let wanted = r#"[{"id":"free","name":"Free","maxCustomers":3,"maxStaff":2,"maxClients":10}]"#;
            Error::config("plans_malformed", format!("PLANS is a JSON list such as {wanted}: {error}"))
        })
    }

    /// Returns the free plan that applies where none is configured.
    pub(super) fn free() -> Self {
        Self { id: Self::FREE.to_owned(), name: "Free".to_owned(), limits: FREE }
    }
}

/// The limits of an organization without a subscription where none are configured.
const FREE: Limits = Limits { max_customers: Some(3), max_staff: Some(2), max_clients: Some(10) };

/// A kind of row that a plan limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    /// A client company.
    Customer,
    /// A member with any role but client.
    Staff,
    /// A member with the role client.
    Client,
}

impl Seat {
    /// Returns the kind of seat that a member with this role takes.
    pub(crate) fn of(role: Role) -> Self {
        match role {
            Role::Owner | Role::Admin | Role::Staff | Role::Viewer => Self::Staff,
            Role::Client => Self::Client,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Customer => ("customer_limit_reached", "customers"),
            Self::Staff => ("staff_limit_reached", "staff"),
            Self::Client => ("client_limit_reached", "clients"),
        }
    }
}

/// The plan that applies to an organization at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CurrentPlan {
    /// The name of the plan.
    pub name: String,
    /// The newest subscription that decides the plan; none where there never was one.
    pub subscription: Option<Subscription>,
    pub limits: Limits,
}

impl CurrentPlan {
    /// Returns the plan of an organization with these subscriptions, which are sorted newest first.
    pub(super) fn of(subscriptions: Vec<Subscription>, plans: &[Plan], now: Time) -> Self {
        let free = plans.iter().find(|plan| plan.id == Plan::FREE).cloned().unwrap_or_else(Plan::free);
        let limits = free.limits.or(FREE);
        let at = subscriptions.iter().position(|subscription| runs(subscription, now)).unwrap_or(0);
        let Some(subscription) = subscriptions.into_iter().nth(at) else {
            return Self { name: free.name, subscription: None, limits };
        };
        if !runs(&subscription, now) {
            return Self { name: free.name, subscription: Some(subscription), limits };
        }
        let configured = plans.iter().find(|plan| Some(&plan.id) == subscription.plan_id.as_ref());
        let named = configured.map(|plan| plan.name.clone()).or_else(|| subscription.plan_name.clone());
        Self {
            name: named.or_else(|| subscription.plan_id.clone()).unwrap_or(free.name),
            limits: subscription.limits.or(configured.map_or(limits, |plan| plan.limits.or(limits))),
            subscription: Some(subscription),
        }
    }

    /// Returns the limit of a kind of seat.
    pub(crate) fn allows(&self, seat: Seat) -> i64 {
        let allowed = match seat {
            Seat::Customer => self.limits.max_customers,
            Seat::Staff => self.limits.max_staff,
            Seat::Client => self.limits.max_clients,
        };
        allowed.unwrap_or_default()
    }

    /// Checks that one more seat is free when `used` are taken.
    ///
    /// # Errors
    /// `LimitReached` when it is not.
    pub(super) fn check(&self, seat: Seat, used: i64) -> Result<()> {
        let (allowed, (tag, what)) = (self.allows(seat), seat.words());
        if used < allowed {
            return Ok(());
        }
        let message = format!("the plan {} allows {allowed} {what}: choose a larger one, or make room", self.name);
        Err(Error::new(Code::LimitReached, tag, message)
            .context("used", used.to_string())
            .context("max", allowed.to_string()))
    }
}

/// The number of seats that are taken, and their limit.
pub(crate) struct Seats {
    pub(super) plan: CurrentPlan,
    pub(super) seat: Seat,
    pub(super) used: i64,
}

impl Seats {
    /// Takes a seat.
    ///
    /// # Errors
    /// `LimitReached` when the plan allows no more.
    pub(crate) fn take(&mut self) -> Result<()> {
        self.plan.check(self.seat, self.used)?;
        self.used += 1;
        Ok(())
    }

    /// Returns the number of seats that are taken, and their limit.
    pub(crate) fn counts(&self) -> (i64, i64) {
        (self.used, self.plan.allows(self.seat))
    }
}

/// Returns whether a subscription may be used. A cancelled one may be, until its end.
fn runs(subscription: &Subscription, now: Time) -> bool {
    match subscription.status {
        Status::Trialing | Status::Active | Status::PastDue => true,
        Status::Cancelled => subscription.ends_at.is_some_and(|end| end > now),
        Status::Incomplete | Status::Unpaid | Status::Paused | Status::Inactive => false,
    }
}

/// The status of a subscription, for front ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// There is no subscription, or it never began.
    Inactive,
    /// The subscription is active.
    Active,
    /// The subscription is in its trial.
    Trialing,
    /// The subscription was cancelled; it may be used until its end.
    Cancelled,
    /// The subscription is active, though a payment is late.
    PastDue,
    /// The subscription is suspended because it was not paid.
    Unpaid,
    /// The subscription is paused.
    Paused,
}

/// Returns the status of a subscription, for front ends.
pub(crate) fn status(subscription: &Subscription) -> PlanStatus {
    match subscription.status {
        Status::Incomplete | Status::Inactive => PlanStatus::Inactive,
        Status::Trialing => PlanStatus::Trialing,
        Status::Active => PlanStatus::Active,
        Status::PastDue => PlanStatus::PastDue,
        Status::Unpaid => PlanStatus::Unpaid,
        Status::Paused => PlanStatus::Paused,
        Status::Cancelled => PlanStatus::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;

    use super::*;

    fn subscription(status: Status, limits: Limits) -> Subscription {
        Subscription {
            id: Id::parse("sub_01kaj3v0q8e5hbm9x2w7c4d6f0").unwrap(),
            creation_time: Time::from_ms(0),
            provider: "polar".to_owned(),
            external_id: "s1".to_owned(),
            customer_id: None,
            status,
            vendor_status: String::new(),
            plan_id: Some("pro".to_owned()),
            plan_name: None,
            price_id: None,
            current_period_start: None,
            current_period_end: None,
            trial_ends_at: None,
            cancel_at_period_end: false,
            ends_at: Some(Time::from_ms(100)),
            limits,
        }
    }

    fn customers(subscriptions: Vec<Subscription>, now: i64) -> i64 {
        let plans = Plan::parse_all(r#"[{"id":"pro","name":"Pro","maxCustomers":20}]"#).unwrap();
        CurrentPlan::of(subscriptions, &plans, Time::from_ms(now)).allows(Seat::Customer)
    }

    #[test]
    fn a_subscription_says_what_its_organization_may_have_for_as_long_as_it_runs() {
        let own = Limits { max_customers: Some(50), ..Limits::default() };
        assert_eq!(customers(vec![], 0), 3);
        assert_eq!(customers(vec![subscription(Status::Active, own)], 0), 50);
        assert_eq!(customers(vec![subscription(Status::Active, Limits::default())], 0), 20, "its plan says it");
        assert_eq!(customers(vec![subscription(Status::Unpaid, own)], 0), 3);
        assert_eq!(customers(vec![subscription(Status::Cancelled, own)], 99), 50);
        assert_eq!(customers(vec![subscription(Status::Cancelled, own)], 100), 3);
        let both = vec![subscription(Status::Inactive, Limits::default()), subscription(Status::Trialing, own)];
        assert_eq!(customers(both, 0), 50, "of several, the one that runs counts");
    }

    #[test]
    fn what_no_subscription_and_no_plan_says_the_free_plan_says() {
        let force = CurrentPlan::of(vec![subscription(Status::Active, Limits::default())], &[], Time::from_ms(0));
        assert_eq!((force.name.as_str(), force.allows(Seat::Client)), ("pro", 10));
        assert_eq!(force.check(Seat::Staff, 2).unwrap_err().tag, "staff_limit_reached");
        assert!(force.check(Seat::Staff, 1).is_ok());
    }

    #[test]
    fn a_list_of_plans_that_is_none_is_named() {
        assert_eq!(Plan::parse_all("{}").unwrap_err().tag, "plans_malformed");
    }
}
