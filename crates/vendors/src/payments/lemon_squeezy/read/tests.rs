use kernel::Time;
use provider::payments::Reader as _;
use serde_json::{Value, json};

use super::*;

fn read(kind: &str, attributes: &Value) -> Subscription {
    let event = json!({
        "meta": {"event_name": kind, "custom_data": {"organization_id": "org_1", "maxCustomers": "99999"}},
        "data": {"type": "subscriptions", "id": "17", "attributes": attributes},
    });
    let notice = Reader.read(kind, event.to_string().as_bytes()).unwrap().unwrap();
    assert_eq!(notice.owner.organizations, ["org_1"]);
    match notice.change {
        Change::Subscription(subscription) => *subscription,
        Change::Snapshot(_) | Change::Product(_) | Change::Owned => panic!("a subscription"),
    }
}

#[test]
fn a_subscription_is_read_with_its_names() {
    let read = read(
        "subscription_created",
        &json!({"status": "on_trial", "customer_id": 3, "product_id": 4, "variant_id": 5, "product_name": "Pro",
            "variant_name": "Monthly", "trial_ends_at": "2026-01-08T00:00:00.000000Z",
            "renews_at": "2026-02-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}),
    );
    assert_eq!((read.id.as_str(), read.customer.as_deref()), ("17", Some("3")));
    assert_eq!((read.status, read.vendor_status.as_str()), (Status::Trialing, "on_trial"));
    assert_eq!(read.plan.product.as_deref(), Some("4"));
    assert_eq!(read.plan.name.as_deref(), Some("Pro"));
    assert_eq!(read.at, Time::parse("2026-01-01T00:00:00Z"));
}

#[test]
fn a_buyer_does_not_set_the_limits() {
    assert_eq!(read("subscription_created", &json!({"status": "active"})).limits, Limits::default());
}

#[test]
fn cancelled_can_be_resumed_and_expired_cannot() {
    let ends = "2026-02-01T00:00:00.000000Z";
    let cancelled =
        read("subscription_cancelled", &json!({"status": "cancelled", "cancelled": true, "ends_at": ends}));
    assert!(!cancelled.ended && cancelled.status == Status::Cancelled && cancelled.cancel_at_period_end);
    assert_eq!(cancelled.ends_at, Time::parse(ends));
    let expired = read("subscription_expired", &json!({"status": "expired", "cancelled": true, "ends_at": ends}));
    assert!(expired.ended && expired.status == Status::Inactive);
}

#[test]
fn invoices_say_nothing_and_orders_say_whose_the_customer_is() {
    assert_eq!(Reader.read("subscription_payment_success", b"{}").unwrap(), None);
    let order = json!({"meta": {"custom_data": {"tenant": "t1"}}, "data": {"id": "1", "attributes": {"customer_id": 3}}});
    let notice = Reader.read("order_created", order.to_string().as_bytes()).unwrap().unwrap();
    assert_eq!(notice.owner.customer.as_deref(), Some("3"));
    assert_eq!(notice.change, Change::Owned);
}
