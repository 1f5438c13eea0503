//! Mutations, and the transitions that show what they wrote.

use std::time::Instant;

use serde_json::json;
use testkit::{both, milliseconds, postgres, sqlite};

use super::{
    client::{SESSION, number},
    product::Product,
};

#[tokio::test]
async fn a_mutation_is_answered_then_shown() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.add(0, "kv:get", json!({ "key": "x" })).await;
        ada.transition().await;
        for n in 0..20 {
            ada.mutate(n, "kv:set", json!({ "key": "x", "v": n })).await;
            let answer = ada.next().await;
            assert_eq!((&answer["type"], &answer["requestId"]), (&json!("MutationResponse"), &json!(n)));
            assert_eq!(answer["result"], json!(n));
            ada.transition().await;
            assert!(ada.ts() >= number(&answer["ts"]));
            assert_eq!(ada.shown[&0], json!(n));
        }
    })
    .await;
}

#[tokio::test]
async fn a_transition_follows_every_answer_also_when_nothing_has_changed() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.mutate(0, "kv:set", json!({ "key": "x", "v": 1 })).await;
        assert_eq!(ada.next().await["success"], true);
        ada.transition().await;
        ada.mutate(1, "kv:fail", json!({ "data": null })).await;
        let broken = ada.next().await;
        assert_eq!(broken["success"], false);
        assert!(broken.get("errorData").is_none() && !broken.to_string().contains("secret"), "{broken}");
        ada.transition().await;
        ada.mutate(2, "kv:fail", json!({ "data": { "code": "NO" } })).await;
        assert_eq!(ada.next().await["errorData"], json!({ "code": "NO" }));
        ada.transition().await;
        ada.mutate(3, "kv:nothing", json!({})).await;
        assert_eq!(ada.next().await["errorData"]["code"], "not_found");
        ada.transition().await;
        ada.mutate(4, "kv:get", json!({ "key": "x" })).await;
        assert_eq!(ada.next().await["errorData"]["tag"], "operation_kind");
        ada.transition().await;
        assert_eq!(database.number("select count(*) as n from replays").await, 1);
    })
    .await;
}

#[tokio::test]
async fn mutations_of_a_connection_run_in_the_order_in_which_they_came() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.add(0, "kv:get", json!({ "key": "list" })).await;
        for n in 0..100 {
            ada.mutate(n, "kv:append", json!({ "key": "list", "v": n })).await;
        }
        let all: Vec<_> = (0..100).collect();
        ada.until(0, json!(all)).await;
    })
    .await;
}

#[tokio::test]
async fn a_mutation_that_comes_again_after_a_reconnect_is_done_once() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.mutate(0, "kv:append", json!({ "key": "list", "v": 1 })).await;
        let first = ada.next().await;
        drop(ada);

        let mut again = product.client().await;
        again.hello_from(SESSION, Some(number(&first["ts"]))).await;
        again.add(0, "kv:get", json!({ "key": "list" })).await;
        again.mutate(0, "kv:append", json!({ "key": "list", "v": 1 })).await;
        let mut answer = again.next().await;
        while answer["type"] != "MutationResponse" {
            answer = again.next().await;
        }
        assert_eq!(answer["result"], first["result"]);
        again.transition().await;
        assert!(again.ts() >= number(&first["ts"]));
        assert_eq!(again.shown[&0], json!([1]));
    })
    .await;
}

#[tokio::test]
async fn answers_are_forgotten_once_the_client_was_shown_what_they_changed() {
    both(|database| async move {
        let product = Product::start_with(&database, |options| options.live_tick = milliseconds(20)).await;
        let mut ada = product.client().await;
        ada.hello().await;
        let mut remembered = Vec::new();
        for n in 0..200 {
            ada.mutate(n, "kv:set", json!({ "key": "x", "v": n })).await;
            assert_eq!(ada.next().await["success"], true);
            ada.transition().await;
            ada.hears_pings(1).await;
            remembered.push(database.number("select count(*) as n from replays").await);
            if n > 5 && remembered.last() <= Some(&2) {
                return;
            }
        }
        panic!("every answer is remembered: {remembered:?}");
    })
    .await;
}

#[tokio::test]
async fn of_a_mutation_nobody_knows_the_end_of_nothing_is_said_and_it_can_be_asked_for_again() {
    postgres(|database| async move {
        let product = Product::start(&database).await;
        let mut hand = database.by_hand().await;
        hand.run("begin; lock table kv in exclusive mode").await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.mutate(0, "kv:append", json!({ "key": "list", "v": 1 })).await;
        let mut other = database.by_hand().await;
        let end = "select pg_terminate_backend(pid)::text from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'";
        while other.texts(end).await.is_empty() {
            tokio::task::yield_now().await;
        }
        let (said, end) = ada.end().await;
        assert!(said.iter().all(|message| message["type"] != "MutationResponse"), "{said:?}");
        assert_eq!(end, Some((1011, "InternalServerError".to_owned())));
        hand.run("rollback").await;

        let mut again = product.client().await;
        again.hello().await;
        again.mutate(0, "kv:append", json!({ "key": "list", "v": 1 })).await;
        assert_eq!(again.next().await["success"], true);
        again.add(0, "kv:get", json!({ "key": "list" })).await;
        again.until(0, json!([1])).await;
    })
    .await;
}

#[tokio::test]
async fn the_answer_of_somebody_else_is_given_to_nobody() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.authenticate(Some("ada")).await;
        ada.mutate(0, "kv:append", json!({ "key": "list", "v": "secret" })).await;
        while ada.next().await["type"] != "MutationResponse" {}

        let mut eve = product.client().await;
        eve.hello().await;
        eve.authenticate(Some("eve")).await;
        eve.mutate(0, "kv:append", json!({ "key": "list", "v": "secret" })).await;
        let mut answer = eve.next().await;
        while answer["type"] != "MutationResponse" {
            answer = eve.next().await;
        }
        assert_eq!(answer["errorData"]["tag"], "request_of_another");
    })
    .await;
}

#[tokio::test]
async fn actions_run_at_once_and_are_shown() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.add(0, "kv:get", json!({ "key": "acted" })).await;
        ada.transition().await;
        let began = Instant::now();
        for n in 0..20 {
            ada.act(n, "util:act", json!({ "v": 7, "ms": 300 })).await;
        }
        ada.act(20, "util:act", json!({ "v": "fail" })).await;
        let (mut answers, mut failed) = (0, 0);
        while answers + failed < 21 {
            let message = ada.next().await;
            if message["type"] == "ActionResponse" && message["success"] == true {
                answers += 1;
            } else if message["type"] == "ActionResponse" {
                assert_eq!(message["errorData"], "failed");
                failed += 1;
            }
        }
        assert!(began.elapsed().as_secs() < 4, "they wait for each other");
        ada.transition().await;
        assert_eq!((answers, failed, &ada.shown[&0]), (20, 1, &json!(7)));
    })
    .await;
}

#[tokio::test]
async fn more_mutations_than_may_wait_are_done_all_the_same() {
    sqlite(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.add(0, "kv:get", json!({ "key": "x" })).await;
        for n in 0..2500 {
            ada.mutate(n, "kv:set", json!({ "key": "x", "v": n })).await;
        }
        let mut expected = 0;
        while expected < 2500 {
            let message = ada.next().await;
            if message["type"] == "MutationResponse" {
                assert_eq!((&message["requestId"], &message["success"]), (&json!(expected), &json!(true)));
                expected += 1;
            }
        }
        ada.until(0, json!(2499)).await;
    })
    .await;
}

#[tokio::test]
async fn more_actions_than_may_run_fail_one_by_one_and_those_that_run_do_not_notice() {
    sqlite(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        for n in 0..130 {
            ada.act(n, "util:act", json!({ "v": n, "ms": 1000 })).await;
        }
        let (mut acted, mut refused) = (0, 0);
        while acted + refused < 130 {
            let message = ada.next().await;
            if message["type"] == "ActionResponse" && message["success"] == true {
                acted += 1;
            } else if message["type"] == "ActionResponse" {
                assert_eq!(message["errorData"]["tag"], "too_many_actions");
                refused += 1;
            }
        }
        // The calls that came late were admitted again.
        assert!(acted >= 100, "{acted} of 130");
    })
    .await;
}
