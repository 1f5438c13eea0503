//! Subscriptions to queries.

use serde_json::json;
use testkit::{both, sqlite};

use super::{client::text, product::Product};

#[tokio::test]
async fn a_query_is_answered_and_moves_when_somebody_writes() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let (mut ada, mut bob) = (product.client().await, product.client().await);
        ada.hello().await;
        ada.add(0, "kv:get", json!({ "key": "x" })).await;
        let first = ada.transition().await;
        assert_eq!(first["endVersion"]["querySet"], 1);
        assert_eq!(ada.shown[&0], json!(null));

        bob.hello().await;
        bob.mutate(0, "kv:set", json!({ "key": "x", "v": { "n": [1, "é"] } })).await;
        ada.until(0, json!({ "n": [1, "é"] })).await;
        product.stop().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_speaks_before_there_is_something_to_say() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        assert!(ada.is_quiet().await);
        ada.modify(json!([])).await;
        assert_eq!(ada.transition().await["modifications"], json!([]));
        assert!(ada.is_quiet().await);
    })
    .await;
}

#[tokio::test]
async fn what_arrives_together_is_answered_together() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.authenticate(Some("ada")).await;
        ada.add(0, "auth:whoami", json!({})).await;
        ada.add(1, "kv:get", json!({ "key": "x" })).await;
        ada.modify(json!([{ "type": "Remove", "queryId": 1 }])).await;
        // The first transition may come before the last query has arrived, but never before the sign-in.
        while ada.transition().await["endVersion"]["querySet"] != 3 {
            assert_eq!(ada.shown[&0], json!("ada"));
        }
        assert_eq!(ada.shown.get(&0), Some(&json!("ada")));
        assert!(!ada.shown.contains_key(&1));
    })
    .await;
}

#[tokio::test]
async fn all_queries_of_a_connection_move_at_once() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let (mut ada, mut bob) = (product.client().await, product.client().await);
        ada.hello().await;
        ada.add(0, "kv:get", json!({ "key": "a" })).await;
        ada.add(1, "kv:get", json!({ "key": "b" })).await;
        bob.hello().await;
        for v in 0..50 {
            bob.mutate(v, "kv:setPair", json!({ "v": v })).await;
        }
        while ada.shown.get(&0) != Some(&json!(49)) {
            ada.transition().await;
            if ada.shown.len() == 2 {
                assert_eq!(ada.shown[&0], ada.shown[&1]);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_query_that_fails_fails_alone_and_heals() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.mutate(0, "kv:set", json!({ "key": "x", "v": 3 })).await;
        ada.modify(json!([
            { "type": "Add", "queryId": 0, "udfPath": "kv:failIfOdd", "args": [{}] },
            { "type": "Add", "queryId": 1, "udfPath": "kv:get.js", "args": [{}] },
            { "type": "Add", "queryId": 2, "udfPath": "kv.js:get", "args": [{ "key": "x" }] },
            { "type": "Add", "queryId": 3, "udfPath": "util:badField", "args": [{}] },
            { "type": "Add", "queryId": 4, "udfPath": "kv:get", "args": [{ "key": "x", "unknown": 1 }] },
            { "type": "Add", "queryId": 5, "udfPath": "kv:get", "args": [{ "key": "x" }], "componentPath": "c" },
        ]))
        .await;
        ada.until(2, json!(3)).await;
        assert_eq!(ada.shown[&0]["data"], json!({ "code": "ODD", "v": 3 }));
        assert_eq!(ada.shown[&1]["data"]["tag"], "operation_unknown");
        let broken = &ada.shown[&3];
        assert!(broken["error"].as_str().unwrap().ends_with("] Server Error") && broken.get("data").is_none());
        assert_eq!(ada.shown[&4]["data"]["code"], "bad_request");
        assert_eq!(ada.shown[&5]["data"]["tag"], "operation_unknown");

        ada.mutate(1, "kv:set", json!({ "key": "x", "v": 4 })).await;
        ada.until(0, json!(4)).await;
    })
    .await;
}

#[tokio::test]
async fn pages_have_no_gaps_while_rows_come_in_and_after_a_reconnect() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        for n in [10, 20, 30, 40] {
            ada.mutate(n, "numbers:add", json!({ "n": n })).await;
            ada.transition_after_answer().await;
        }
        let first = json!({ "paginationOpts": { "numItems": 2, "cursor": null, "id": 1 } });
        ada.add(0, "numbers:page", first.clone()).await;
        let numbers = |page: &serde_json::Value| -> Vec<i64> {
            page["page"].as_array().unwrap().iter().map(|row| row["n"].as_i64().unwrap()).collect()
        };
        while ada.shown.get(&0).is_none_or(|page| numbers(page) != [10, 20]) {
            ada.next().await;
        }
        ada.mutate(5, "numbers:add", json!({ "n": 15 })).await;
        while numbers(&ada.shown[&0]) != [10, 15, 20] {
            ada.next().await;
        }

        let mut again = product.client().await;
        again.hello().await;
        let journal = ada.journals[&0].clone();
        assert!(journal.is_string());
        again
            .modify(json!([
                { "type": "Add", "queryId": 0, "udfPath": "numbers:page", "args": [first], "journal": journal },
                { "type": "Add", "queryId": 1, "udfPath": "numbers:page", "args": [
                    { "paginationOpts": { "numItems": 2, "cursor": "AAAA", "id": 1 } }
                ]},
            ]))
            .await;
        again.transition().await;
        assert_eq!(numbers(&again.shown[&0]), [10, 15, 20]);
        let expected = json!({ "isConvexSystemError": true, "paginationError": "InvalidCursor" });
        assert_eq!(again.shown[&1]["data"], expected);
    })
    .await;
}

#[tokio::test]
async fn long_answers_come_in_pieces_where_the_client_puts_them_together() {
    both(|database| async move {
        let product = Product::start(&database).await;
        for path in ["/api/1.48.0/sync", "/api/1.27.0/sync", "/api/sync"] {
            let mut client = product.client_at(path).await;
            client.hello().await;
            client.add(0, "util:big", json!({ "chars": 3_000_000 })).await;
            client.transition().await;
            assert_eq!(client.shown[&0].as_str().unwrap().chars().count(), 3_000_004, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_longer_than_a_frame_may_be_is_read_by_clients_that_know_no_pieces() {
    sqlite(|database| async move {
        let product = Product::start(&database).await;
        let mut client = product.client_at("/api/sync").await;
        client.hello().await;
        // The library of this client accepts frames of at most 16 MiB.
        client.add(0, "util:big", json!({ "chars": 9_000_000 })).await;
        client.transition().await;
        assert_eq!(client.shown[&0].as_str().unwrap().len(), 18_000_004);
    })
    .await;
}

#[tokio::test]
async fn the_organization_may_stand_in_the_address() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let paths = ["/api/1.48.0/sync", "//api/1.48.0/sync", "/t/acme/api/1.48.0/sync", "/t/acme//api/1.48.0/sync"];
        for (number, path) in (0..).zip(paths) {
            let mut client = product.client_at(path).await;
            client.hello_from(&format!("5c1f1e9c-7a0e-4d0e-9a51-0000000000{number:02}"), None).await;
            client.mutate(0, "kv:append", json!({ "key": "paths", "v": path })).await;
            client.add(0, "kv:get", json!({ "key": "paths" })).await;
            let own: Vec<_> = if number < 2 { &paths[..=number] } else { &paths[2..=number] }.to_vec();
            client.until(0, json!(own)).await;
        }
        // A caller who is not a member of the organization acts in none, so that there is nothing to write to.
        let mut stranger = product.client_at("/t/other/api/sync").await;
        stranger.hello_from("5c1f1e9c-7a0e-4d0e-9a51-000000000009", None).await;
        stranger.mutate(0, "kv:set", json!({ "key": "x", "v": 1 })).await;
        assert_eq!(stranger.next().await["errorData"]["tag"], "no_organization");
    })
    .await;
}

#[tokio::test]
async fn time_goes_on_where_a_client_has_seen_it_but_a_client_from_afar_is_let_in() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let wall = product.operations.timestamps().wall();
        let ahead = wall + 60_000_000_000;
        let mut ada = product.client().await;
        ada.hello_from(super::client::SESSION, Some(ahead)).await;
        ada.modify(json!([])).await;
        ada.transition().await;
        assert!(ada.ts() >= ahead);

        let mut stranger = product.client().await;
        stranger.hello_from(super::client::SESSION, Some(i64::MAX as u64)).await;
        stranger.modify(json!([])).await;
        stranger.transition().await;
        assert!(stranger.ts() < wall + 3_600_000_000_000);
        assert_eq!(text(0), "AAAAAAAAAAA=");
    })
    .await;
}

#[tokio::test]
async fn a_restart_tells_every_client_to_come_again_soon() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let mut ada = product.client().await;
        ada.hello().await;
        ada.modify(json!([])).await;
        ada.transition().await;
        product.stop().await;
        let (_, end) = ada.end().await;
        assert_eq!(end, Some((1012, "TooManyConcurrentRequests".to_owned())));
    })
    .await;
}
