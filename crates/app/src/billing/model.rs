//! Versions of a subscription, and the state that follows from them.

use kernel::{Id, Limits, Time};
use provider::payments::{self, Period, Plan, Status, Step};
use schemars::JsonSchema;
use serde::Serialize;

kernel::id_prefix! {
    /// The kind of id of a subscription.
    pub SubscriptionPrefix = "sub" in "subscriptions"
}

/// The id of a subscription.
pub type SubscriptionId = Id<SubscriptionPrefix>;

/// A subscription of an organization at a payments vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// `sub_…`
    #[serde(rename = "_id")]
    pub id: SubscriptionId,
    /// When the first event about the subscription was stored.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The vendor.
    pub provider: String,
    /// The vendor's id of the subscription.
    pub external_id: String,
    /// The vendor's id of the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The status. A cancelled subscription may be used until `endsAt`.
    pub status: Status,
    /// The status in the vendor's own word.
    pub vendor_status: String,
    /// The product; the price where the product is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// The name of the product or price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_name: Option<String>,
    /// The price or variant of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_id: Option<String>,
    /// The beginning of the period that is paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_period_start: Option<Time>,
    /// The end of the period that is paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_period_end: Option<Time>,
    /// The end of the trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial_ends_at: Option<Time>,
    /// Whether the subscription ends with its current period.
    pub cancel_at_period_end: bool,
    /// When the subscription ends or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// The limits of the subscription: its own, else those of its product.
    #[serde(flatten)]
    pub limits: Limits,
}

/// A product on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// The vendor.
    pub provider: String,
    /// The vendor's id of the product.
    pub product_id: String,
    /// The name of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The limits that the product sets.
    #[serde(flatten)]
    pub limits: Limits,
}

/// A subscription as one event described it. The greatest version is stored. The fields stand in the order in which
/// they decide: a version that has ended wins, then the later one, then the one with the status that comes later in a
/// subscription's life. The last fields only decide between versions that contradict each other about the same moment,
/// so that the order of arrival never decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub ended: bool,
    pub at: Time,
    pub step: Step,
    pub status: Status,
    pub vendor_status: String,
    pub customer: Option<String>,
    pub plan: Plan,
    pub period: Period,
    pub trial_end: Option<Time>,
    pub cancel_at_period_end: bool,
    pub ends_at: Option<Time>,
    pub limits: ComparableLimits,
}

/// Limits that can be compared, for [`Version`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ComparableLimits(pub Option<i64>, pub Option<i64>, pub Option<i64>);

/// The subscriptions of a customer that were running at one moment. The greatest snapshot is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Snapshot {
    pub at: Time,
    /// The ids of the running subscriptions, in order.
    pub running: Vec<String>,
}

/// A version of a product. The greatest version is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProductVersion {
    pub at: Time,
    pub name: Option<String>,
    pub limits: ComparableLimits,
}

/// The state that follows from a version and the newest snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CurrentState {
    pub status: Status,
    /// The time of the snapshot that ended the subscription by not listing it, if one did.
    pub ended_by_snapshot: Option<Time>,
}

impl Version {
    pub(super) fn of(subscription: &payments::Subscription, at: Time) -> Self {
        Self {
            ended: subscription.ended,
            at: subscription.at.unwrap_or(at),
            step: subscription.step,
            status: subscription.status,
            vendor_status: subscription.vendor_status.clone(),
            customer: subscription.customer.clone(),
            plan: subscription.plan.clone(),
            period: subscription.period,
            trial_end: subscription.trial_end,
            cancel_at_period_end: subscription.cancel_at_period_end,
            ends_at: subscription.ends_at,
            limits: subscription.limits.into(),
        }
    }

    /// Returns the state of this version under the newest snapshot of its customer. A subscription that was running
    /// before the snapshot and is not listed in it has ended, until a newer version says otherwise. Snapshots list
    /// running subscriptions only, so that they say nothing about subscriptions that were not running.
    pub(super) fn standing(&self, id: &str, snapshot: Option<&Snapshot>) -> CurrentState {
        let runs = matches!(self.status, Status::Trialing | Status::Active);
        match snapshot {
            Some(snapshot) if runs && !self.ended && snapshot.at > self.at && !snapshot.shows(id) => {
                CurrentState { status: Status::Cancelled, ended_by_snapshot: Some(snapshot.at) }
            }
            Some(_) | None => CurrentState { status: self.status, ended_by_snapshot: None },
        }
    }
}

impl Snapshot {
    pub(super) fn of(snapshot: &payments::Snapshot, at: Time) -> Self {
        let mut running: Vec<_> = snapshot.running.iter().map(|subscription| subscription.id.clone()).collect();
        running.sort();
        Self { at: snapshot.at.unwrap_or(at), running }
    }

    fn shows(&self, id: &str) -> bool {
        self.running.iter().any(|running| running == id)
    }
}

impl ProductVersion {
    pub(super) fn of(product: &payments::Product, at: Time) -> Self {
        Self { at: product.at.unwrap_or(at), name: product.name.clone(), limits: product.limits.into() }
    }
}

impl From<Limits> for ComparableLimits {
    fn from(limits: Limits) -> Self {
        Self(limits.max_customers, limits.max_staff, limits.max_clients)
    }
}

impl From<ComparableLimits> for Limits {
    fn from(ComparableLimits(max_customers, max_staff, max_clients): ComparableLimits) -> Self {
        Self { max_customers, max_staff, max_clients }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(ms: i64, status: Status) -> Version {
        Version {
            ended: false,
            at: Time::from_ms(ms),
            step: Step::Updated,
            status,
            vendor_status: status.as_str().to_owned(),
            customer: Some("cus_1".to_owned()),
            plan: Plan::default(),
            period: Period::default(),
            trial_end: None,
            cancel_at_period_end: false,
            ends_at: None,
            limits: ComparableLimits::default(),
        }
    }

    #[test]
    fn what_is_over_stays_over() {
        let over = Version { ended: true, ..version(10, Status::Cancelled) };
        assert!(over > version(20, Status::Active));
    }

    #[test]
    fn of_the_same_moment_the_later_step_of_a_life_counts() {
        let created = Version { step: Step::Created, ..version(10, Status::Incomplete) };
        assert!(version(10, Status::Active) > created);
        assert!(version(10, Status::PastDue) > version(10, Status::Active));
    }

    #[test]
    fn a_snapshot_ends_what_ran_before_it_and_is_not_in_it() {
        let without = Snapshot { at: Time::from_ms(10), running: vec!["other".to_owned()] };
        let status = |version: &Version, id: &str| version.standing(id, Some(&without)).status;
        assert_eq!(status(&version(5, Status::Active), "sub"), Status::Cancelled);
        assert_eq!(status(&version(5, Status::Active), "other"), Status::Active);
        assert_eq!(status(&version(15, Status::Active), "sub"), Status::Active, "it was bought after the snapshot");
        assert_eq!(status(&version(5, Status::PastDue), "sub"), Status::PastDue, "snapshots do not show these");
        assert_eq!(status(&version(5, Status::Incomplete), "sub"), Status::Incomplete);
    }
}
