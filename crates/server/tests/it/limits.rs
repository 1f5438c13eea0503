//! Rate limits.

use kernel::Role;
use serde_json::json;
use server::{Rate, Rates};
use testkit::{both, seconds, sqlite};

use crate::house::House;

#[tokio::test]
async fn a_caller_over_its_limit_is_told_when_to_come_back() {
    both(|database| async move {
        let house = House::with(&database, |options| {
            options.rates = Rates { caller: Some(Rate::per_minute(3)), organization: None, operation: None };
        })
        .await;
        let ada = house.somebody(Role::Viewer);
        for left in ["2;t=20", "1;t=40", "0;t=60"] {
            let answer = ada.get("/v1/greeting").await;
            assert_eq!(answer.header("ratelimit-policy"), "\"caller\";q=3;w=60");
            assert_eq!(answer.header("ratelimit"), format!("\"caller\";r={left}"));
            answer.good();
        }
        let refused = ada.get("/v1/greeting").await;
        assert_eq!(refused.refused(), (429, "rate_limited".to_owned()));
        assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("20", "\"caller\";r=0;t=60"));
        house.app.clock.advance(seconds(20));
        assert_eq!(ada.get("/v1/greeting").await.good(), json!("hello"));
        assert_eq!(ada.get("/v1/greeting").await.status, 429);
    })
    .await;
}

#[tokio::test]
async fn one_caller_who_is_over_takes_nothing_from_the_others() {
    sqlite(|database| async move {
        let house = House::with(&database, |options| {
            let rate = |calls| Some(Rate::per_minute(calls));
            options.rates = Rates { caller: rate(2), organization: rate(5), operation: None };
        })
        .await;
        let ada = house.somebody(Role::Viewer);
        for status in [200, 200, 429, 429, 429, 429] {
            assert_eq!(ada.get("/v1/greeting").await.status, status);
        }
        let (bob, cat) = (house.colleague(&ada, Role::Viewer), house.colleague(&ada, Role::Viewer));
        for (caller, status) in [(&bob, 200), (&bob, 200), (&cat, 200), (&cat, 429)] {
            assert_eq!(caller.get("/v1/greeting").await.status, status);
        }
        assert_eq!(house.somebody(Role::Viewer).get("/v1/greeting").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_call_counts_the_same_whichever_way_it_comes() {
    sqlite(|database| async move {
        let house = House::with(&database, |options| {
            options.rates = Rates { caller: Some(Rate::per_minute(3)), organization: None, operation: None };
        })
        .await;
        let ada = house.somebody(Role::Viewer);
        let call = json!({ "path": "notes:greet", "args": {}, "format": "json" });
        assert_eq!(ada.post("/api/query", &call).await.status, 200);
        assert_eq!(ada.get("/v1/greeting").await.status, 200);
        assert_eq!(ada.post("/api/query", &call).await.status, 200);
        assert_eq!(ada.get("/v1/greeting").await.status, 429);
        assert_eq!(ada.post("/api/query", &call).await.status, 429);
    })
    .await;
}

#[tokio::test]
async fn one_operation_can_be_used_up_alone() {
    sqlite(|database| async move {
        let house = House::with(&database, |options| {
            options.rates = Rates { caller: None, organization: None, operation: Some(Rate::per_minute(1)) };
        })
        .await;
        let ada = house.somebody(Role::Viewer);
        assert_eq!(ada.get("/v1/greeting").await.status, 200);
        assert_eq!(ada.get("/v1/greeting").await.status, 429);
        assert_eq!(ada.get("/v1/notes").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn who_guesses_tokens_is_stopped() {
    sqlite(|database| async move {
        let house = House::with(&database, |options| {
            options.rates = Rates { caller: Some(Rate::per_minute(2)), organization: None, operation: None };
            options.proxies = 1;
        })
        .await;
        let guess = house.stranger().with("authorization", "Bearer x").with("x-forwarded-for", "6.6.6.6");
        for status in [401, 401, 429, 429] {
            assert_eq!(guess.get("/v1/greeting").await.status, status);
        }
        assert_eq!(house.stranger().with("x-forwarded-for", "1.1.1.1").get("/v1/greeting").await.status, 200);
    })
    .await;
}
