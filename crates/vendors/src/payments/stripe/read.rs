//! Parses Stripe's events: <https://docs.stripe.com/api/events/types>.

use kernel::Result;
use provider::payments::{Change, Notice, Owner, Period, Plan, Product, Status, Step, Subscription};

use crate::payments::reading::{open, without_id};

/// The reader of Stripe's events.
pub(in crate::payments) struct Reader;

impl provider::payments::Reader for Reader {
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Option<Notice>> {
        let read = match kind {
            "product.created" | "product.updated" => product,
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => checkout,
            "customer.created" | "customer.updated" => customer,
            _ if kind.starts_with("customer.subscription.") => subscription,
            _ => return Ok(None),
        };
        read(kind, payload).map(Some)
    }
}

fn subscription(kind: &str, payload: &[u8]) -> Result<Notice> {
    let wire::Event::<wire::Subscription> { created, data } = open(payload)?;
    let shown = data.object;
    let id = shown.id.owned().ok_or_else(without_id)?;
    let step = match kind {
        "customer.subscription.created" => Step::Created,
        "customer.subscription.deleted" => Step::Ended,
        _ => Step::Updated,
    };
    let vendor_status = shown.status.get().unwrap_or(if step == Step::Ended { "canceled" } else { "incomplete" });
    let status = status(vendor_status);
    let price = shown.price();
    let item = shown.items.data.first();
    let period = Period {
        start: item.and_then(|item| item.current_period_start.0).or(shown.current_period_start.0),
        end: item.and_then(|item| item.current_period_end.0).or(shown.current_period_end.0),
    };
    let sold = price.product.sold();
    let of_item = item.map(|item| item.metadata.limits()).unwrap_or_default();
    let limits = shown.metadata.limits().or(of_item).or(price.metadata.limits());
    let product = price.product.id.owned();
    let customer = shown.customer.owned();
    let organizations = shown.metadata.organizations();
    let owner =
        Owner { organizations: organizations.clone(), customer: customer.clone(), subscription: Some(id.clone()) };
    let subscription = Subscription {
        id,
        customer,
        organizations,
        at: created.0,
        step,
        ended: step == Step::Ended || matches!(vendor_status, "canceled" | "incomplete_expired"),
        status,
        vendor_status: vendor_status.to_owned(),
        plan: Plan { product, price: price.id.owned(), name: price.nickname.owned() },
        period,
        trial_end: shown.trial_end.0,
        cancel_at_period_end: shown.cancel_at_period_end,
        ends_at: (shown.ended_at.0.or(shown.cancel_at.0)).or(period.end.filter(|_| shown.cancel_at_period_end)),
        limits,
        product: sold,
    };
    Ok(Notice { owner, change: Change::Subscription(Box::new(subscription)) })
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

fn product(_: &str, payload: &[u8]) -> Result<Notice> {
    let wire::Event::<wire::Product> { created, data } = open(payload)?;
    let mut product = data.object.sold().ok_or_else(without_id)?;
    product.at = product.at.or(created.0);
    Ok(Notice { owner: Owner::default(), change: Change::Product(product) })
}

/// A checkout names the paying organization before the subscription is known, which has its own events.
fn checkout(_: &str, payload: &[u8]) -> Result<Notice> {
    let session = open::<wire::Event<wire::Session>>(payload)?.data.object;
    // The reference is in the address of the page, where the buyer can change it; the metadata cannot be changed.
    let mut organizations = session.metadata.organizations();
    organizations.extend(session.client_reference_id.owned());
    let owner = Owner { organizations, customer: session.customer.owned(), subscription: session.subscription.owned() };
    Ok(Notice { owner, change: Change::Owned })
}

fn customer(_: &str, payload: &[u8]) -> Result<Notice> {
    let customer = open::<wire::Event<wire::Customer>>(payload)?.data.object;
    let organizations = customer.metadata.organizations();
    let owner = Owner { organizations, customer: customer.id.owned(), subscription: None };
    Ok(Notice { owner, change: Change::Owned })
}

impl wire::Product {
    /// Returns the product, where the event contains all of it and not only its id.
    fn sold(&self) -> Option<Product> {
        let id = self.id.owned()?;
        (self.name.get().is_some() || self.object.get() == Some("product")).then(|| Product {
            id,
            name: self.name.owned(),
            limits: self.metadata.limits(),
            at: self.updated.0,
        })
    }
}

mod wire {
    use serde::{Deserialize, Deserializer};
    use serde_json::Value;

    use crate::{
        loose::{self, Moment, Text},
        payments::metadata::Metadata,
    };

    #[derive(Deserialize)]
    pub(super) struct Event<T> {
        #[serde(default)]
        pub(super) created: Moment,
        pub(super) data: Data<T>,
    }

    #[derive(Deserialize)]
    pub(super) struct Data<T> {
        pub(super) object: T,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Subscription {
        pub(super) id: Text,
        pub(super) customer: Text,
        pub(super) status: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
        #[serde(deserialize_with = "loose::object")]
        pub(super) items: Items,
        /// The plan, before subscriptions had items.
        #[serde(deserialize_with = "loose::object")]
        plan: Price,
        /// Until API version 2025-03-31; later versions have it in each item.
        pub(super) current_period_start: Moment,
        pub(super) current_period_end: Moment,
        pub(super) trial_end: Moment,
        #[serde(deserialize_with = "loose::flag")]
        pub(super) cancel_at_period_end: bool,
        pub(super) cancel_at: Moment,
        pub(super) ended_at: Moment,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Items {
        #[serde(deserialize_with = "loose::list")]
        pub(super) data: Vec<Item>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Item {
        #[serde(deserialize_with = "loose::object")]
        pub(super) price: Price,
        #[serde(deserialize_with = "loose::object")]
        plan: Price,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
        pub(super) current_period_start: Moment,
        pub(super) current_period_end: Moment,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Price {
        pub(super) id: Text,
        #[serde(deserialize_with = "named_or_shown")]
        pub(super) product: Product,
        pub(super) nickname: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Product {
        pub(super) id: Text,
        pub(super) object: Text,
        pub(super) name: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
        pub(super) updated: Moment,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Session {
        pub(super) customer: Text,
        pub(super) subscription: Text,
        pub(super) client_reference_id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Customer {
        pub(super) id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) metadata: Metadata,
    }

    impl Subscription {
        /// Returns the price of the first item: our subscriptions have one plan.
        pub(super) fn price(&self) -> &Price {
            let of_item = self.items.data.first().map(|item| [&item.price, &item.plan]);
            let all = of_item.into_iter().flatten().chain([&self.plan]);
            all.into_iter().find(|price| price.id.get().is_some()).unwrap_or(&self.plan)
        }
    }

    /// Parses an id, or the object itself where it was expanded.
    fn named_or_shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Product, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let shown = serde_json::from_value(value.clone()).ok();
        let named = || Product { id: serde_json::from_value(value).unwrap_or_default(), ..Product::default() };
        Ok(shown.unwrap_or_else(named))
    }
}

#[cfg(test)]
mod tests;
