//! Parses Lemon Squeezy's events: <https://docs.lemonsqueezy.com/help/webhooks/event-types>.
//!
//! The custom data come from the address of the checkout, where a buyer can change them. They may name the organization
//! that a purchase belongs to, which risks nothing but the buyer's own money; they never set limits.

use kernel::{Limits, Result};
use provider::payments::{Change, Notice, Owner, Period, Plan, Status, Step, Subscription};

use crate::payments::reading::{open, without_id};

/// The reader of Lemon Squeezy's events.
pub(in crate::payments) struct Reader;

impl provider::payments::Reader for Reader {
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Option<Notice>> {
        let of_invoice = kind.starts_with("subscription_payment_");
        if kind == "order_created" || (kind.starts_with("subscription_") && !of_invoice) {
            return notice(kind, open(payload)?).map(Some);
        }
        Ok(None)
    }
}

fn notice(kind: &str, wire::Event { meta, data }: wire::Event) -> Result<Notice> {
    let organizations = meta.custom_data.organizations();
    let customer = data.attributes.customer_id.owned();
    if kind == "order_created" {
        let owner = Owner { organizations, customer, subscription: None };
        return Ok(Notice { owner, change: Change::Owned });
    }
    let id = data.id.owned().ok_or_else(without_id)?;
    let owner = Owner { organizations, customer, subscription: Some(id.clone()) };
    let subscription = subscription(kind, id, &owner, &data.attributes);
    Ok(Notice { owner, change: Change::Subscription(Box::new(subscription)) })
}

fn subscription(kind: &str, id: String, owner: &Owner, shown: &wire::Attributes) -> Subscription {
    let step = match kind {
        "subscription_created" => Step::Created,
        "subscription_expired" => Step::Ended,
        _ => Step::Updated,
    };
    let vendor_status = shown.status.get().unwrap_or(if step == Step::Ended { "expired" } else { "unknown" });
    let status = status(vendor_status);
    Subscription {
        id,
        customer: owner.customer.clone(),
        organizations: owner.organizations.clone(),
        at: shown.updated_at.0.or(shown.created_at.0),
        step,
        ended: step == Step::Ended || vendor_status == "expired",
        status,
        vendor_status: vendor_status.to_owned(),
        plan: Plan {
            product: shown.product_id.owned(),
            price: shown.variant_id.owned(),
            name: shown.product_name.owned().or(shown.variant_name.owned()),
        },
        // Lemon Squeezy only reports the end of the period.
        period: Period { start: None, end: shown.renews_at.0.or(shown.ends_at.0) },
        trial_end: shown.trial_ends_at.0,
        cancel_at_period_end: shown.cancelled && status == Status::Cancelled,
        ends_at: shown.ends_at.0,
        limits: Limits::default(),
        product: None,
    }
}

fn status(word: &str) -> Status {
    match word {
        "on_trial" => Status::Trialing,
        "active" => Status::Active,
        "past_due" => Status::PastDue,
        "unpaid" => Status::Unpaid,
        "paused" => Status::Paused,
        "cancelled" => Status::Cancelled,
        "expired" => Status::Inactive,
        // An unknown status gives no access until it has been added here.
        _ => Status::Incomplete,
    }
}

mod wire {
    use serde::Deserialize;

    use crate::{
        loose::{self, Moment, Text},
        payments::metadata::Metadata,
    };

    #[derive(Deserialize)]
    pub(super) struct Event {
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) meta: Meta,
        pub(super) data: Data,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Meta {
        #[serde(deserialize_with = "loose::object")]
        pub(super) custom_data: Metadata,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Data {
        pub(super) id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) attributes: Attributes,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Attributes {
        pub(super) customer_id: Text,
        pub(super) product_id: Text,
        pub(super) variant_id: Text,
        pub(super) product_name: Text,
        pub(super) variant_name: Text,
        pub(super) status: Text,
        #[serde(deserialize_with = "loose::flag")]
        pub(super) cancelled: bool,
        pub(super) trial_ends_at: Moment,
        pub(super) renews_at: Moment,
        pub(super) ends_at: Moment,
        pub(super) created_at: Moment,
        pub(super) updated_at: Moment,
    }
}

#[cfg(test)]
mod tests;
