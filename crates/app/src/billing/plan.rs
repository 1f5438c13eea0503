//! What an organization may have: by its subscription, or by the plan of those who have none.

use kernel::{Code, Error, Limits, Result, Role, Time};
use provider::payments::Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subscription;

/// What the installation calls a plan, and what it allows. Configured by `PLANS`, a JSON list.
///
/// A subscription that names no limits of its own has those of the plan with the id of its product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The product's id at the payments vendor; `free` for those who have no subscription.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it allows.
    #[serde(flatten)]
    pub limits: Limits,
}

impl Plan {
    /// The id of the plan of those who have no subscription.
    pub const FREE: &'static str = "free";

    /// Reads the value of `PLANS`.
    ///
    /// # Errors
    /// `Config` when it is not a list of plans.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        serde_json::from_str(text).map_err(|error| {
            let wanted = r#"[{"id":"free","name":"Free","maxCustomers":3,"maxStaff":2,"maxClients":10}]"#;
            Error::config("plans_malformed", format!("PLANS is a JSON list such as {wanted}: {error}"))
        })
    }

    /// The free plan where none is configured.
    pub(super) fn free() -> Self {
        Self { id: Self::FREE.to_owned(), name: "Free".to_owned(), limits: FREE }
    }
}

/// What an organization without a subscription may have where nothing else is configured.
const FREE: Limits = Limits { max_customers: Some(3), max_staff: Some(2), max_clients: Some(10) };

/// What counts against a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    /// A client company.
    Customer,
    /// A person of the organization itself: everybody but clients.
    Staff,
    /// A person of a client company.
    Client,
}

impl Seat {
    /// The seat of a person.
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

/// The plan that holds for an organization at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InForce {
    /// What people call it.
    pub name: String,
    /// The newest subscription that says something; none where there never was one.
    pub subscription: Option<Subscription>,
    pub limits: Limits,
}

impl InForce {
    /// The plan of an organization with these subscriptions, newest first.
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

    /// How many there may be.
    pub(crate) fn allows(&self, seat: Seat) -> i64 {
        let allowed = match seat {
            Seat::Customer => self.limits.max_customers,
            Seat::Staff => self.limits.max_staff,
            Seat::Client => self.limits.max_clients,
        };
        allowed.unwrap_or_default()
    }

    /// Whether one more fits where `used` are taken.
    ///
    /// # Errors
    /// `LimitReached` when it does not.
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

/// How many there are of how many there may be.
pub(crate) struct Room {
    pub(super) plan: InForce,
    pub(super) seat: Seat,
    pub(super) used: i64,
}

impl Room {
    /// Takes a place.
    ///
    /// # Errors
    /// `LimitReached` when the plan allows no more.
    pub(crate) fn take(&mut self) -> Result<()> {
        self.plan.check(self.seat, self.used)?;
        self.used += 1;
        Ok(())
    }

    /// How many there are, and how many there may be.
    pub(crate) fn counts(&self) -> (i64, i64) {
        (self.used, self.plan.allows(self.seat))
    }
}

/// Whether a subscription may be used. One that was called off may be, until its end.
fn runs(subscription: &Subscription, now: Time) -> bool {
    match subscription.status {
        Status::Trialing | Status::Active | Status::PastDue => true,
        Status::Cancelled => subscription.ends_at.is_some_and(|end| end > now),
        Status::Incomplete | Status::Unpaid | Status::Paused | Status::Inactive => false,
    }
}

/// Where a subscription stands, for front ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// There is none, or it never began.
    Inactive,
    /// It runs.
    Active,
    /// It runs, and costs nothing yet.
    Trialing,
    /// It was called off; it may run until its end.
    Cancelled,
    /// It runs, though a payment is late.
    PastDue,
    /// It was not paid, and rests.
    Unpaid,
    /// It rests.
    Paused,
}

/// Where a subscription stands, for front ends.
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
        InForce::of(subscriptions, &plans, Time::from_ms(now)).allows(Seat::Customer)
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
        let force = InForce::of(vec![subscription(Status::Active, Limits::default())], &[], Time::from_ms(0));
        assert_eq!((force.name.as_str(), force.allows(Seat::Client)), ("pro", 10));
        assert_eq!(force.check(Seat::Staff, 2).unwrap_err().tag, "staff_limit_reached");
        assert!(force.check(Seat::Staff, 1).is_ok());
    }

    #[test]
    fn a_list_of_plans_that_is_none_is_named() {
        assert_eq!(Plan::parse_all("{}").unwrap_err().tag, "plans_malformed");
    }
}
