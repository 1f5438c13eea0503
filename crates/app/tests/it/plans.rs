//! What a plan allows.

use std::sync::Arc;

use kernel::{Code, Limits};
use provider::payments::{Change, Notice, Owner, Status};
use serde_json::json;
use testkit::both;

use crate::{
    installation::Installation,
    people::{Office, code, tag},
};

#[tokio::test]
async fn without_a_subscription_the_free_plan_holds() {
    both(|database| async move {
        let office = Office::open(&database).await;
        let owner = office.somebody("owner");
        office.change(&owner, "organizations:create", json!({ "name": "Acme" })).await.unwrap();
        let stats = office.ask(&owner, "billing:usageStats", json!({})).await.unwrap();
        let expected = json!({
            "plan": { "name": "Free", "status": "inactive", "planId": null },
            "usage": {
                "customers": { "count": 0, "max": 3 },
                "staff": { "count": 1, "max": 2 },
                "clients": { "count": 0, "max": 10 },
            },
        });
        assert_eq!(stats, expected);
        let info = office.ask(&owner, "billing:info", json!({})).await.unwrap();
        let expected = json!({
            "name": "Acme", "subscriptionId": null, "subscriptionStatus": null, "planId": null, "trialEndsAt": null,
            "endsAt": null, "isTrialing": false, "trialDaysRemaining": null,
        });
        assert_eq!(info, expected);
        for n in 0..3 {
            office.customer(&owner, &format!("Customer {n}")).await;
        }
        let error = office.change(&owner, "customers:create", json!({ "name": "Fourth" })).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::LimitReached, "customer_limit_reached"));
        assert_eq!(error.message, "the plan Free allows 3 customers: choose a larger one, or make room");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_invited_takes_a_seat_before_they_come() {
    both(|database| async move {
        let office = Office::open(&database).await;
        let owner = office.somebody("owner");
        office.change(&owner, "organizations:create", json!({ "name": "Acme" })).await.unwrap();
        let send = async |email: &str| {
            let invitation = json!({ "email": email, "role": "staff" });
            office.change(&owner, "invitations:send", invitation).await
        };
        let sent = send("staff@example.com").await.unwrap();
        assert_eq!(tag(send("more@example.com").await), "staff_limit_reached");
        let staff = office.somebody("staff");
        office.change(&staff, "invitations:accept", sent).await.unwrap();
        assert_eq!(tag(send("more@example.com").await), "staff_limit_reached");

        let user = json!({ "userId": office.id(&staff).await });
        office.change(&owner, "users:remove", user.clone()).await.unwrap();
        let sent = send("more@example.com").await.unwrap();
        assert_eq!(tag(office.change(&owner, "users:restore", user.clone()).await), "staff_limit_reached");
        office.change(&owner, "invitations:revoke", sent).await.unwrap();
        office.change(&owner, "users:restore", user).await.unwrap();
        assert_eq!(code(office.ask(&staff, "billing:info", json!({})).await), Code::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn a_subscription_says_what_its_organization_may_have() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let office = Office::on(it.app.clone(), Arc::default());
        let owner = office.somebody("owner");
        let acme = office.change(&owner, "organizations:create", json!({ "name": "Acme" })).await.unwrap();
        let limits = Limits { max_customers: Some(50), ..Limits::default() };
        let mut subscription = crate::billing::shown("sub_1", 100, Status::Trialing);
        subscription.limits = limits;
        subscription.trial_end = Some(office.app.world.now() + testkit::hours(25));
        let organizations = vec![acme["_id"].as_str().unwrap().to_owned()];
        let whose = Owner { organizations, customer: None, subscription: Some("sub_1".to_owned()) };
        it.pay(Notice { owner: whose, change: Change::Subscription(Box::new(subscription)) }).await;

        let mine = office.ask(&owner, "organizations:getMine", json!({})).await.unwrap();
        assert_eq!((&mine["maxCustomers"], &mine["maxStaff"]), (&json!(50), &json!(2)));
        assert_eq!((&mine["subscriptionId"], &mine["subscriptionStatus"]), (&json!("sub_1"), &json!("trialing")));
        let info = office.ask(&owner, "billing:info", json!({})).await.unwrap();
        assert_eq!((&info["isTrialing"], &info["trialDaysRemaining"]), (&json!(true), &json!(2)));
        let stats = office.ask(&owner, "billing:usageStats", json!({})).await.unwrap();
        assert_eq!(stats["plan"]["status"], "trialing");
    })
    .await;
}
