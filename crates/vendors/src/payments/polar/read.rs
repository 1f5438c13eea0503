//! Parses Polar's events: <https://polar.sh/docs/integrate/webhooks/events>, payloads of API version 2026-10.

use kernel::{Result, Time};
use provider::payments::{Change, Notice, Owner, Period, Plan, Product, Snapshot, Status, Step, Subscription};

use crate::payments::reading::{open, without_id};

/// The reader of Polar's events.
pub(in crate::payments) struct Reader;

impl provider::payments::Reader for Reader {
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Option<Notice>> {
        let read = match kind {
            "product.created" | "product.updated" => product,
            "customer.state_changed" => state,
            "customer.created" | "customer.updated" => customer,
            "checkout.updated" | "order.created" | "order.paid" => purchase,
            _ if kind.starts_with("subscription.") => subscription,
            _ => return Ok(None),
        };
        read(kind, payload).map(Some)
    }
}

fn subscription(kind: &str, payload: &[u8]) -> Result<Notice> {
    let wire::Event::<wire::Subscription> { timestamp, data } = open(payload)?;
    let customer = data.customer_id.owned().or(data.customer.id.owned());
    let mut organizations = data.customer.external_id.owned().into_iter().collect::<Vec<_>>();
    organizations.splice(0..0, data.metadata.organizations());
    organizations.extend(data.customer.metadata.organizations());
    let step = match kind {
        "subscription.created" => Step::Created,
        "subscription.revoked" => Step::Ended,
        _ => Step::Updated,
    };
    // The time of the event and not of the object: it is compared with snapshots of a customer, which have no other
    // time.
    let at = timestamp.0.or(data.modified_at.0).or(data.created_at.0);
    let subscription = Subscription { organizations: organizations.clone(), ..data.read(customer.clone(), step, at)? };
    let owner = Owner { organizations, customer, subscription: Some(subscription.id.clone()) };
    Ok(Notice { owner, change: Change::Subscription(Box::new(subscription)) })
}

fn state(_: &str, payload: &[u8]) -> Result<Notice> {
    let wire::Event::<wire::CustomerState> { timestamp, data } = open(payload)?;
    let customer = data.id.owned().ok_or_else(without_id)?;
    let mut organizations = data.external_id.owned().into_iter().collect::<Vec<_>>();
    organizations.extend(data.metadata.organizations());
    let at = timestamp.0.or(data.modified_at.0);
    let mut running = Vec::new();
    for active in data.active_subscriptions {
        let named = active.metadata.organizations();
        let read = active.read(Some(customer.clone()), Step::Updated, at)?;
        running.push(Subscription { organizations: named, ..read });
    }
    let owner = Owner { organizations, customer: Some(customer.clone()), subscription: None };
    Ok(Notice { owner, change: Change::Snapshot(Snapshot { customer, at, running }) })
}

fn product(_: &str, payload: &[u8]) -> Result<Notice> {
    let wire::Event::<wire::Product> { timestamp, data } = open(payload)?;
    let mut product = data.sold().ok_or_else(without_id)?;
    product.at = product.at.or(timestamp.0);
    Ok(Notice { owner: Owner::default(), change: Change::Product(product) })
}

fn customer(_: &str, payload: &[u8]) -> Result<Notice> {
    let customer = open::<wire::Event<wire::Customer>>(payload)?.data;
    let mut organizations: Vec<_> = customer.external_id.owned().into_iter().collect();
    organizations.extend(customer.metadata.organizations());
    let owner = Owner { organizations, customer: customer.id.owned(), subscription: None };
    Ok(Notice { owner, change: Change::Owned })
}

/// A checkout or an order names the organization of the customer; the subscription has its own events.
fn purchase(_: &str, payload: &[u8]) -> Result<Notice> {
    let purchase = open::<wire::Event<wire::Purchase>>(payload)?.data;
    let customer = purchase.customer_id.owned().or(purchase.customer.id.owned());
    let mut organizations = purchase.metadata.organizations();
    organizations.extend(purchase.external_customer_id.owned().or(purchase.customer.external_id.owned()));
    // An open checkout names its visitor, who is not a customer yet.
    if customer.is_none() {
        organizations.clear();
    }
    let owner = Owner { organizations, customer, subscription: purchase.subscription_id.owned() };
    Ok(Notice { owner, change: Change::Owned })
}

fn status(word: &str) -> Status {
    match word {
        "trialing" => Status::Trialing,
        "active" => Status::Active,
        "past_due" => Status::PastDue,
        "unpaid" => Status::Unpaid,
        "paused" => Status::Paused,
        "canceled" => Status::Cancelled,
        "incomplete_expired" => Status::Inactive,
        // An unknown status gives no access until it has been added here.
        _ => Status::Incomplete,
    }
}

impl wire::Subscription {
    fn read(self, customer: Option<String>, step: Step, at: Option<Time>) -> Result<Subscription> {
        let id = self.id.owned().ok_or_else(without_id)?;
        let ended = step == Step::Ended || self.ended_at.0.is_some() || self.status.get() == Some("incomplete_expired");
        let reported = status(self.status.or_empty());
        let price = self.prices.first();
        let sold = self.product.sold();
        let period = Period { start: self.current_period_start.0, end: self.current_period_end.0 };
        Ok(Subscription {
            id,
            customer,
            organizations: Vec::new(),
            at,
            step,
            ended,
            // `revoked` means that access has ended, also where the status still says how that came about.
            status: if ended && reported != Status::Inactive { Status::Cancelled } else { reported },
            vendor_status: self.status.owned().unwrap_or_else(|| "unknown".to_owned()),
            plan: Plan {
                product: self.product_id.owned().or(sold.as_ref().map(|product| product.id.clone())),
                price: price.and_then(|price| price.id.owned()),
                name: None,
            },
            period,
            trial_end: self.trial_end.0,
            cancel_at_period_end: self.cancel_at_period_end,
            ends_at: self.ended_at.0.or(self.ends_at.0).or(period.end.filter(|_| self.cancel_at_period_end)),
            limits: self.metadata.limits(),
            product: sold,
        })
    }
}

impl wire::Product {
    fn sold(&self) -> Option<Product> {
        Some(Product {
            id: self.id.owned()?,
            name: self.name.owned(),
            limits: self.metadata.limits(),
            at: self.modified_at.0.or(self.created_at.0),
        })
    }
}

mod wire {
    use serde::Deserialize;

    use crate::{
        loose::{self, Moment, Text},
        payments::metadata::Metadata,
    };

    #[derive(Deserialize)]
    pub(super) struct Event<T> {
        #[serde(default)]
        pub(super) timestamp: Moment,
        pub(super) data: T,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Subscription {
        pub(super) id: Text,
        pub(super) created_at: Moment,
        pub(super) modified_at: Moment,
        pub(super) status: Text,
        pub(super) customer_id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) customer: Customer,
        pub(super) product_id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) product: Product,
        #[serde(deserialize_with = "loose::list")]
        pub(super) prices: Vec<Price>,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
        pub(super) current_period_start: Moment,
        pub(super) current_period_end: Moment,
        pub(super) trial_end: Moment,
        #[serde(deserialize_with = "loose::flag")]
        pub(super) cancel_at_period_end: bool,
        pub(super) ends_at: Moment,
        pub(super) ended_at: Moment,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Price {
        pub(super) id: Text,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Product {
        pub(super) id: Text,
        pub(super) name: Text,
        pub(super) created_at: Moment,
        pub(super) modified_at: Moment,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Customer {
        pub(super) id: Text,
        pub(super) external_id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct CustomerState {
        pub(super) id: Text,
        pub(super) external_id: Text,
        pub(super) modified_at: Moment,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
        #[serde(deserialize_with = "loose::list")]
        pub(super) active_subscriptions: Vec<Subscription>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Purchase {
        pub(super) customer_id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) customer: Customer,
        pub(super) external_customer_id: Text,
        pub(super) subscription_id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
    }
}

#[cfg(test)]
mod tests;
