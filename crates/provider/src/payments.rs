//! The events of payments vendors, in types that fit all of them.
//!
//! A vendor parses its own JSON into these types; the features know only these.

use kernel::{Limits, Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parses the events of one vendor. It needs no settings: the events were verified when they were received.
pub trait Reader: Send + Sync + 'static {
    /// Parses an event; none for kinds that contain nothing to store.
    ///
    /// # Errors
    /// `BadRequest` when the payload is not what the vendor sends.
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Option<Notice>>;
}

/// The content of an event, and the customer it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The customer, and the organizations that the event names.
    pub owner: Owner,
    /// The change.
    pub change: Change,
}

/// The change that an event reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The current state of a subscription.
    Subscription(Box<Subscription>),
    /// All running subscriptions of a customer.
    Snapshot(Snapshot),
    /// A product on sale.
    Product(Product),
    /// Only the organization that the customer belongs to.
    Owned,
}

/// The customer that an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The organizations that the metadata name, the most reliable first.
    pub organizations: Vec<String>,
    /// The vendor's id of the customer.
    pub customer: Option<String>,
    /// The vendor's id of the subscription.
    pub subscription: Option<String>,
}

/// A subscription as one event describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// The vendor's id of the subscription.
    pub id: String,
    /// The vendor's id of the customer.
    pub customer: Option<String>,
    /// The organizations that its own metadata name.
    pub organizations: Vec<String>,
    /// The time of this version, by the vendor's clock.
    pub at: Option<Time>,
    /// The order among events of the same moment.
    pub step: Step,
    /// Whether the subscription has ended for good: no other event, earlier or later, revives it.
    pub ended: bool,
    /// The status.
    pub status: Status,
    /// The status in the vendor's own word.
    pub vendor_status: String,
    /// The product and the price.
    pub plan: Plan,
    /// The period that is paid for.
    pub period: Period,
    /// The end of the trial.
    pub trial_end: Option<Time>,
    /// Whether the subscription ends with its current period.
    pub cancel_at_period_end: bool,
    /// When the subscription ends or ended.
    pub ends_at: Option<Time>,
    /// The limits in its own metadata, or in those of its price.
    pub limits: Limits,
    /// The product, where the event contains all of it.
    pub product: Option<Product>,
}

/// The status of a subscription, in the order of a subscription's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SubscriptionStatus")]
pub enum Status {
    /// Not begun: the first payment is missing.
    Incomplete,
    /// In use, in its trial.
    Trialing,
    /// In use and paid.
    Active,
    /// In use, with a payment that is late.
    PastDue,
    /// Suspended: the vendor no longer tries to collect the payment.
    Unpaid,
    /// Paused.
    Paused,
    /// Cancelled: it runs until its end.
    Cancelled,
    /// Ended, or never begun.
    Inactive,
}

/// The order of events of the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The subscription was created.
    Created,
    /// The subscription changed.
    Updated,
    /// The subscription ended.
    Ended,
}

/// The product and the price of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    /// The vendor's id of the product.
    pub product: Option<String>,
    /// The vendor's id of the price or variant.
    pub price: Option<String>,
    /// The name in the subscription.
    pub name: Option<String>,
}

/// A period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// The beginning.
    pub start: Option<Time>,
    /// Its end.
    pub end: Option<Time>,
}

/// The running subscriptions of a customer at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The vendor's id of the customer.
    pub customer: String,
    /// When the snapshot was taken.
    pub at: Option<Time>,
    /// All running subscriptions: one that is not listed does not run.
    pub running: Vec<Subscription>,
}

/// A product on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The vendor's id of the product.
    pub id: String,
    /// The name.
    pub name: Option<String>,
    /// The limits that it sets.
    pub limits: Limits,
    /// The time of this version, by the vendor's clock.
    pub at: Option<Time>,
}

impl Status {
    /// Every status, in the order of a subscription's life.
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

    /// Returns the name in the database and on the wire.
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
