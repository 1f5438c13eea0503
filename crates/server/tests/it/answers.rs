//! The answers of REST, and their statuses.

use axum::{body::Body, http::Method};
use kernel::Role;
use serde_json::json;
use testkit::both;

use crate::house::House;

#[tokio::test]
async fn an_operation_is_called_by_its_route_and_answers_json() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        assert_eq!(ada.post("/v1/notes", &json!({ "text": "milk" })).await.good(), json!({ "n": 1, "text": "milk" }));
        assert_eq!(ada.get("/v1/notes/1").await.good(), json!({ "n": 1, "text": "milk" }));
        let changed = ada.patch("/v1/notes/1", &json!({ "text": "bread" })).await;
        assert_eq!(changed.good(), json!({ "n": 1, "text": "bread" }));
        assert_eq!(ada.delete("/v1/notes/1").await.good(), json!(null));
        assert_eq!(ada.get("/v1/notes/1").await.refused(), (404, "note_unknown".to_owned()));
        assert_eq!(ada.post("/v1/shout", &json!({ "text": "milk" })).await.good(), json!("MILK"));
    })
    .await;
}

#[tokio::test]
async fn a_list_comes_in_pages_until_it_is_done() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        for n in 1..=5 {
            ada.post("/v1/notes", &json!({ "text": format!("{n}") })).await.good();
        }
        let (mut path, mut seen) = ("/v1/notes?numItems=2".to_owned(), Vec::new());
        loop {
            let page = ada.get(&path).await.good();
            seen.extend(page["page"].as_array().unwrap().iter().map(|note| note["n"].as_i64().unwrap()));
            if page["isDone"] == true {
                break;
            }
            path = format!("/v1/notes?numItems=2&cursor={}", page["continueCursor"].as_str().unwrap());
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        assert_eq!(ada.get("/v1/notes?cursor=").await.good()["page"].as_array().unwrap().len(), 5);
        let eve = house.somebody(Role::Owner);
        assert_eq!(eve.get(&path).await.refused(), (422, "InvalidCursor".to_owned()));
        assert_eq!(ada.get("/v1/notes?numItems=0").await.refused(), (422, "page_size".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_says_who_has_to_do_what_and_has_the_status_of_its_kind() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (ada, viewer) = (house.somebody(Role::Admin), house.somebody(Role::Viewer));
        let note = json!({ "text": "milk" });
        let stranger = house.stranger().post("/v1/notes", &note).await;
        assert_eq!(stranger.refused(), (401, "sign_in_needed".to_owned()));
        assert_eq!(stranger.header("www-authenticate"), "Bearer");
        assert_eq!(viewer.post("/v1/notes", &note).await.refused(), (403, "role_insufficient".to_owned()));
        assert_eq!(ada.post("/v1/notes", &json!({ "text": "full" })).await.refused(), (402, "notes_full".to_owned()));
        assert_eq!(ada.get("/v1/nothing").await.refused(), (404, "path_unknown".to_owned()));
        let put = ada.send(Method::PUT, "/v1/notes", Body::empty()).await;
        assert_eq!(put.refused(), (405, "method_not_allowed".to_owned()));
        let mut allowed: Vec<_> = put.header("allow").split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_product_refuses_in_its_own_words_is_in_the_problem() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (status, _, problem) =
            house.somebody(Role::Admin).post("/v1/notes", &json!({ "text": "odd" })).await.problem();
        assert_eq!((status, &problem["data"]), (422, &json!({ "code": "ODD" })));
    })
    .await;
}

#[tokio::test]
async fn anybody_may_call_what_is_public_and_nobody_gets_in_with_a_token_of_nobody() {
    both(|database| async move {
        let house = House::new(&database).await;
        assert_eq!(house.stranger().get("/v1/greeting").await.good(), json!("hello"));
        let wrong = house.stranger().with("authorization", "Bearer x").get("/v1/greeting").await;
        assert_eq!(wrong.refused(), (401, "token_unknown".to_owned()));
        let wrong = house.stranger().with("authorization", "Basic x").get("/v1/greeting").await;
        assert_eq!(wrong.refused(), (401, "authorization_scheme".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn the_organization_is_one_of_the_callers_own() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (ada, eve) = (house.somebody(Role::Admin), house.somebody(Role::Admin));
        ada.post("/v1/notes", &json!({ "text": "milk" })).await.good();
        assert_eq!(ada.with("x-organization", &ada.organization()).get("/v1/notes/1").await.good()["text"], "milk");
        let foreign = eve.with("x-organization", &ada.organization()).get("/v1/notes/1").await;
        assert_eq!(foreign.refused(), (403, "not_yours".to_owned()));
        assert_eq!(eve.get("/v1/notes/1").await.refused(), (404, "note_unknown".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_did_not_change_is_304() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        ada.post("/v1/notes", &json!({ "text": "milk" })).await.good();
        let name = ada.get("/v1/notes/1").await.header("etag").to_owned();
        assert!(name.starts_with('"') && name.ends_with('"') && name.len() > 16, "{name}");
        for has in [name.clone(), format!("W/{name}"), format!("\"other\", {name}"), "*".to_owned()] {
            let same = ada.with("if-none-match", &has).get("/v1/notes/1").await;
            assert_eq!((same.status.as_u16(), same.text.as_str(), same.header("etag")), (304, "", &*name), "{has}");
        }
        ada.patch("/v1/notes/1", &json!({ "text": "bread" })).await.good();
        let other = ada.with("if-none-match", &name).get("/v1/notes/1").await;
        assert_eq!(other.good()["text"], "bread");
        assert_ne!(other.header("etag"), name);
        assert_eq!(other.header("cache-control"), "private, no-cache");
    })
    .await;
}
