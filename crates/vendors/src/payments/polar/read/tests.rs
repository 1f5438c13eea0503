use kernel::Limits;
use provider::payments::Reader as _;
use serde_json::{Value, json};

use super::*;

fn read(kind: &str, data: &Value) -> Notice {
    let event = json!({"type": kind, "timestamp": "2026-01-02T00:00:00.5Z", "data": data});
    Reader.read(kind, event.to_string().as_bytes()).unwrap().unwrap()
}

fn active() -> Value {
    json!({
        "id": "sub_1", "created_at": "2026-01-01T00:00:00Z", "modified_at": null, "status": "active",
        "customer_id": "cust_1", "product_id": "prod_1", "metadata": {},
        "current_period_start": "2026-01-01T00:00:00Z", "current_period_end": "2026-02-01T00:00:00Z",
        "cancel_at_period_end": false, "ends_at": null, "ended_at": null, "trial_end": null,
        "customer": {"id": "cust_1", "external_id": "org_1", "metadata": {}},
        "product": {"id": "prod_1", "name": "Pro", "created_at": "2025-01-01T00:00:00Z", "modified_at": null,
            "metadata": {"maxCustomers": 50, "maxStaff": "5"}},
        "prices": [{"id": "price_1"}],
    })
}

fn subscription(notice: Notice) -> Subscription {
    match notice.change {
        Change::Subscription(subscription) => *subscription,
        Change::Snapshot(_) | Change::Product(_) | Change::Owned => panic!("a subscription"),
    }
}

#[test]
fn a_subscription_brings_its_product_along() {
    let notice = read("subscription.active", &active());
    assert_eq!(notice.owner.organizations, ["org_1"]);
    let read = subscription(notice);
    assert_eq!((read.status, read.ended), (Status::Active, false));
    assert_eq!(read.at, Time::parse("2026-01-02T00:00:00.5Z"));
    assert_eq!(read.limits, Limits::default());
    let product = read.product.unwrap();
    assert_eq!(product.limits, Limits { max_customers: Some(50), max_staff: Some(5), max_clients: None });
}

#[test]
fn revoked_is_over_whatever_the_status_says() {
    let mut revoked = active();
    revoked["status"] = json!("unpaid");
    let read = subscription(read("subscription.revoked", &revoked));
    assert!(read.ended && read.status == Status::Cancelled);
    assert_eq!(read.vendor_status, "unpaid");
}

#[test]
fn cancelled_runs_until_the_period_ends() {
    let mut cancelled = active();
    cancelled["cancel_at_period_end"] = json!(true);
    let read = subscription(read("subscription.canceled", &cancelled));
    assert!(!read.ended && read.status == Status::Active && read.cancel_at_period_end);
    assert_eq!(read.ends_at, Time::parse("2026-02-01T00:00:00Z"));
}

#[test]
fn a_state_is_a_snapshot_of_the_customer() {
    let state = json!({"id": "cust_1", "external_id": "org_1", "active_subscriptions": [
        {"id": "sub_2", "status": "trialing", "product_id": "prod_1", "metadata": {"orgId": "org_2"}}]});
    let notice = read("customer.state_changed", &state);
    assert_eq!(notice.owner.organizations, ["org_1"], "one of several subscriptions does not say whose the customer is");
    let Change::Snapshot(snapshot) = notice.change else { panic!("a snapshot") };
    assert_eq!(snapshot.customer, "cust_1");
    assert_eq!(snapshot.running[0].status, Status::Trialing);
    assert_eq!(snapshot.running[0].organizations, ["org_2"]);
}

#[test]
fn a_checkout_without_a_customer_says_nothing() {
    let open = read("checkout.updated", &json!({"id": "che_1", "metadata": {"orgId": "org_1"}}));
    assert!(open.owner.organizations.is_empty());
    assert_eq!(Reader.read("benefit.created", b"{}").unwrap(), None);
}
