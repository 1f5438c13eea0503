//! `Idempotency-Key`.

use kernel::Role;
use serde_json::json;
use testkit::{both, hours};

use crate::house::House;

#[tokio::test]
async fn the_same_key_and_body_answer_the_same_and_do_it_once() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        let keyed = ada.with("idempotency-key", "k1");
        let first = keyed.post("/v1/notes", &json!({ "text": "milk" })).await;
        let again = keyed.post("/v1/notes", &json!({ "text": "milk" })).await;
        assert_eq!((first.good(), &first.text), (json!({ "n": 1, "text": "milk" }), &again.text));
        assert_eq!(ada.get("/v1/notes/count").await.good()["count"], 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_with_another_body_or_operation_is_422() {
    both(|database| async move {
        let house = House::new(&database).await;
        let keyed = house.somebody(Role::Admin).with("idempotency-key", "k1");
        keyed.post("/v1/notes", &json!({ "text": "milk" })).await.good();
        let reused = (422, "request_reused".to_owned());
        assert_eq!(keyed.post("/v1/notes", &json!({ "text": "bread" })).await.refused(), reused);
        assert_eq!(keyed.patch("/v1/notes/1", &json!({ "text": "milk" })).await.refused(), reused);
    })
    .await;
}

#[tokio::test]
async fn keys_of_two_callers_are_two_keys() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        let (bob, eve) = (house.colleague(&ada, Role::Staff), house.somebody(Role::Admin));
        for (n, caller) in [(1, &ada), (2, &bob), (1, &eve)] {
            let added = caller.with("idempotency-key", "k1").post("/v1/notes", &json!({ "text": "milk" })).await;
            assert_eq!(added.good()["n"], n);
        }
    })
    .await;
}

#[tokio::test]
async fn what_failed_is_tried_again() {
    both(|database| async move {
        let house = House::new(&database).await;
        let viewer = house.somebody(Role::Viewer);
        let full = house.colleague(&viewer, Role::Staff).with("idempotency-key", "k1");
        assert_eq!(full.post("/v1/notes", &json!({ "text": "full" })).await.refused().0, 402);
        assert_eq!(full.post("/v1/notes", &json!({ "text": "milk" })).await.good()["n"], 1);
    })
    .await;
}

#[tokio::test]
async fn many_at_once_with_one_key_do_it_once() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        let keyed = ada.with("idempotency-key", "k1");
        let note = json!({ "text": "milk" });
        let calls = (0..8).map(|_| keyed.post("/v1/notes", &note));
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!(answer.good()["n"], 1);
        }
        assert_eq!(ada.get("/v1/notes/count").await.good()["count"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_remembered_for_a_day() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        let keyed = ada.with("idempotency-key", "k1");
        keyed.post("/v1/notes", &json!({ "text": "milk" })).await.good();
        house.app.clock.advance(hours(23));
        assert_eq!(keyed.post("/v1/notes", &json!({ "text": "milk" })).await.good()["n"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_cannot_be_honoured_is_refused() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        let action = ada.with("idempotency-key", "k1").post("/v1/shout", &json!({ "text": "milk" })).await;
        assert_eq!(action.refused(), (400, "idempotency_unsupported".to_owned()));
        for wrong in ["", " ", "a\tb", &"k".repeat(256)] {
            let refused = ada.with("idempotency-key", wrong).post("/v1/notes", &json!({ "text": "milk" })).await;
            assert_eq!(refused.refused(), (400, "idempotency_key".to_owned()));
        }
    })
    .await;
}
