//! Signing in and out, and invalid tokens.

use kernel::Clock;
use serde_json::json;
use testkit::{both, hours, seconds};

use super::product::Product;

#[tokio::test]
async fn signing_in_and_out_asks_everything_anew() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.add(0, "auth:whoami", json!({})).await;
        ada.add(1, "auth:mustBeUser", json!({})).await;
        ada.until(0, json!(null)).await;
        while !ada.shown.contains_key(&1) {
            ada.next().await;
        }
        assert_eq!(ada.shown[&1]["data"]["code"], "unauthenticated");
        ada.authenticate(Some("ada")).await;
        ada.until(0, json!("ada")).await;
        assert_eq!(ada.shown[&1], json!(true));
        ada.authenticate(Some("bob")).await;
        ada.until(0, json!("bob")).await;
        ada.authenticate(None).await;
        ada.until(0, json!(null)).await;
        assert_eq!(ada.shown[&1]["data"]["code"], "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn a_new_token_of_the_same_person_only_raises_the_version() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.authenticate(Some("ada")).await;
        ada.add(0, "auth:whoami", json!({})).await;
        ada.until(0, json!("ada")).await;
        ada.authenticate(Some("ada#2")).await;
        let transition = ada.transition().await;
        assert_eq!(transition["endVersion"]["identity"], 2);
        assert_eq!(transition["modifications"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_token_of_nobodys_is_refused_and_the_connection_ends() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.authenticate(Some("ada")).await;
        ada.add(0, "auth:whoami", json!({})).await;
        ada.until(0, json!("ada")).await;
        ada.authenticate(Some("wrong")).await;
        let (messages, end) = ada.end().await;
        let [refused] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!(refused["type"], "AuthError");
        assert_eq!((&refused["baseVersion"], &refused["authUpdateAttempted"]), (&json!(1), &json!(true)));
        assert_eq!(end, None, "a close frame without a code");
    })
    .await;
}

#[tokio::test]
async fn an_expired_token_writes_nothing_and_is_to_be_fetched_anew() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let end = (product.clock.now() + hours(1)).ms();
        let mut ada = product.client().await;
        ada.hello().await;
        ada.authenticate(Some(&format!("ada@{end}"))).await;
        ada.add(0, "auth:whoami", json!({})).await;
        ada.until(0, json!("ada")).await;
        product.clock.advance(hours(2));
        ada.mutate(0, "kv:set", json!({ "key": "x", "v": 1 })).await;
        let (messages, _) = ada.end().await;
        let [refused] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!(refused["type"], "AuthError");
        assert_eq!((&refused["baseVersion"], &refused["authUpdateAttempted"]), (&json!(1), &json!(false)));
        assert_eq!(database.by_hand().await.texts("select cast(count(*) as text) from kv").await, ["0"]);
    })
    .await;
}

#[tokio::test]
async fn who_only_watches_is_told_within_a_second_that_the_token_has_expired() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let end = (product.clock.now() + seconds(60)).ms();
        let mut ada = product.client().await;
        ada.hello().await;
        ada.authenticate(Some(&format!("ada@{end}"))).await;
        ada.add(0, "auth:whoami", json!({})).await;
        ada.until(0, json!("ada")).await;
        product.clock.advance(seconds(61));
        let ended = tokio::time::timeout(seconds(1), ada.end()).await.expect("it ends in time");
        assert_eq!(ended.0[0]["type"], "AuthError");
    })
    .await;
}
