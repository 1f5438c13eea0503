use kernel::{Limits, Time};
use provider::payments::Reader as _;
use serde_json::{Value, json};

use super::*;

fn read(kind: &str, object: &Value) -> Notice {
    let event = json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_767_225_600, "data": {"object": object}});
    Reader.read(kind, event.to_string().as_bytes()).unwrap().unwrap()
}

fn subscription(notice: Notice) -> Subscription {
    match notice.change {
        Change::Subscription(subscription) => *subscription,
        Change::Snapshot(_) | Change::Product(_) | Change::Owned => panic!("a subscription"),
    }
}

/// An event as in Stripe's own fixtures, without the fields that are not read.
fn today() -> Value {
    json!({
        "id": "sub_1Pgc6r", "object": "subscription", "customer": "cus_QXg1", "status": "active",
        "cancel_at": null, "cancel_at_period_end": true, "canceled_at": 1_767_225_600, "ended_at": null,
        "trial_end": null, "metadata": {"organizationId": "org_1", "maxStaff": "7"},
        "items": {"object": "list", "data": [{
            "id": "si_1", "current_period_start": 1_767_225_600, "current_period_end": 1_769_904_000, "metadata": {},
            "price": {"id": "price_1", "nickname": "Monthly", "product": "prod_1", "metadata": {"maxCustomers": "50", "maxStaff": 5}},
            "plan": {"id": "price_1", "product": "prod_1"},
        }]},
    })
}

#[test]
fn a_subscription_is_read_in_todays_form() {
    let notice = read("customer.subscription.updated", &today());
    assert_eq!(notice.owner.organizations, ["org_1"]);
    assert_eq!(notice.owner.customer.as_deref(), Some("cus_QXg1"));
    let read = subscription(notice);
    assert_eq!((read.id.as_str(), read.status, read.ended), ("sub_1Pgc6r", Status::Active, false));
    assert_eq!(read.plan.product.as_deref(), Some("prod_1"));
    assert_eq!(read.plan.price.as_deref(), Some("price_1"));
    assert_eq!(read.period.end, Some(Time::from_seconds(1_769_904_000)));
    assert_eq!(read.ends_at, read.period.end, "it ends with the period");
    assert_eq!(read.limits, Limits { max_customers: Some(50), max_staff: Some(7), max_clients: None });
    assert_eq!(read.product, None, "a product that is only named is not known");
}

#[test]
fn a_subscription_of_an_old_api_version_has_its_period_and_plan_outside_of_items() {
    let old = json!({
        "id": "sub_1", "customer": {"id": "cus_1", "object": "customer"}, "status": "trialing", "trial_end": 1_767_312_000,
        "current_period_start": 1_767_225_600, "current_period_end": 1_769_904_000,
        "plan": {"id": "plan_1", "product": {"id": "prod_1", "object": "product", "name": "Pro", "updated": 5,
            "metadata": {"maxClients": 9}}},
    });
    let read = subscription(read("customer.subscription.created", &old));
    assert_eq!(read.customer.as_deref(), Some("cus_1"));
    assert_eq!(read.plan.price.as_deref(), Some("plan_1"));
    assert_eq!(read.period.start, Some(Time::from_seconds(1_767_225_600)));
    let product = read.product.unwrap();
    assert_eq!((product.id.as_str(), product.limits.max_clients), ("prod_1", Some(9)));
}

#[test]
fn deleted_is_over_and_so_is_what_never_began() {
    let mut over = today();
    over["status"] = json!("canceled");
    let deleted = subscription(read("customer.subscription.deleted", &over));
    assert!(deleted.ended && deleted.status == Status::Cancelled && deleted.step == Step::Ended);
    over["status"] = json!("incomplete_expired");
    let expired = subscription(read("customer.subscription.updated", &over));
    assert!(expired.ended && expired.status == Status::Inactive);
}

#[test]
fn a_checkout_tells_whose_the_customer_is() {
    let session = json!({"id": "cs_1", "customer": "cus_1", "subscription": "sub_1", "client_reference_id": "t1",
        "metadata": {"orgId": "org_2"}});
    let notice = read("checkout.session.completed", &session);
    assert_eq!(notice.owner.organizations, ["org_2", "t1"], "what the buyer cannot change comes first");
    assert_eq!(notice.change, Change::Owned);
}

#[test]
fn kinds_that_say_nothing_are_not_read() {
    for kind in ["invoice.paid", "charge.refunded", "customer.deleted", "customer.subscriptions"] {
        assert_eq!(Reader.read(kind, b"{}").unwrap(), None, "{kind}");
    }
    assert!(Reader.read("customer.subscription.updated", b"{}").is_err());
}
