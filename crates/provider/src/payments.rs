//! What the events of a payments vendor say, in words that fit all of them.
//!
//! A vendor reads its own JSON into these types; whoever keeps subscriptions knows only these.

use kernel::{Limits, Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Reads the events of one vendor. It needs no settings: what it reads was verified on the way in.
pub trait Reader: Send + Sync + 'static {
    /// What an event says; none for kinds that say nothing that is kept.
    ///
    /// # Errors
    /// `BadRequest` when the payload is not what the vendor sends.
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Option<Notice>>;
}

/// What an event says, and about whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Whose it is.
    pub owner: Owner,
    /// What it says.
    pub change: Change,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// This is how a subscription is now.
    Subscription(Box<Subscription>),
    /// These are the subscriptions of a customer that run, and no others.
    Snapshot(Snapshot),
    /// This is on sale.
    Product(Product),
    /// Nothing but whose the customer is.
    Owned,
}

/// Whose a notice is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Organizations that the metadata name, most telling first.
    pub organizations: Vec<String>,
    /// The vendor's id of the customer.
    pub customer: Option<String>,
    /// The vendor's id of the subscription.
    pub subscription: Option<String>,
}

/// A subscription as an event shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// The vendor's id.
    pub id: String,
    /// The vendor's id of the customer.
    pub customer: Option<String>,
    /// Organizations that its own metadata name.
    pub organizations: Vec<String>,
    /// The time of this version, by the vendor's clock.
    pub at: Option<Time>,
    /// Which events of the same moment come first.
    pub step: Step,
    /// Whether it is over for good: nothing that comes later, or from earlier, brings it back.
    pub ended: bool,
    /// Where it stands.
    pub status: Status,
    /// The same in the vendor's word.
    pub vendor_status: String,
    /// What was bought.
    pub plan: Plan,
    /// The period that is paid for.
    pub period: Period,
    /// Until when it costs nothing.
    pub trial_end: Option<Time>,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When it ends or ended.
    pub ends_at: Option<Time>,
    /// What it allows by its own metadata, or those of its price.
    pub limits: Limits,
    /// The product, where the event shows it whole.
    pub product: Option<Product>,
}

/// Where a subscription stands, in the order in which subscriptions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SubscriptionStatus")]
pub enum Status {
    /// Not begun: the first payment is missing.
    Incomplete,
    /// In use, and free for now.
    Trialing,
    /// In use and paid.
    Active,
    /// In use, and a payment is late.
    PastDue,
    /// Payments were given up.
    Unpaid,
    /// At rest.
    Paused,
    /// Called off: it runs until its end, and no longer.
    Cancelled,
    /// Over, or never begun.
    Inactive,
}

/// Which events of the same moment come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It was made.
    Created,
    /// It changed.
    Updated,
    /// It ended.
    Ended,
}

/// What was bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    /// The product.
    pub product: Option<String>,
    /// The price or variant of it.
    pub price: Option<String>,
    /// What the subscription calls it.
    pub name: Option<String>,
}

/// From when to when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// Its begin.
    pub start: Option<Time>,
    /// Its end.
    pub end: Option<Time>,
}

/// A customer's subscriptions at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The vendor's id of the customer.
    pub customer: String,
    /// When it was taken.
    pub at: Option<Time>,
    /// Those that run. One that is not here does not.
    pub running: Vec<Subscription>,
}

/// Something on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The vendor's id.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
    /// What it allows.
    pub limits: Limits,
    /// The time of this version, by the vendor's clock.
    pub at: Option<Time>,
}

impl Status {
    /// Every status, in the order in which subscriptions live.
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Unpaid,
        Self::Paused,
        Self::Cancelled,
        Self::Inactive,
    ];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Inactive => "inactive",
        }
    }
}
