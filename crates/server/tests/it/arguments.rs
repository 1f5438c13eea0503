//! The arguments that a request may have, and those that are refused.

use axum::{body::Body, http::Method};
use kernel::Role;
use serde_json::{Value, json};
use testkit::both;

use crate::house::House;

#[tokio::test]
async fn a_query_says_numbers_choices_lists_and_json() {
    both(|database| async move {
        let house = House::new(&database).await;
        let asked = "atLeast=-3&factor=1.5&starred=true&tags=a&tags=b%20c&way=quickly&anything=%7B%22a%22%3A1%7D";
        let answer = house.somebody(Role::Viewer).get(&format!("/v1/notes/count?{asked}")).await.good();
        let expected = json!({
            "count": 0, "atLeast": -3, "factor": 1.5, "starred": true, "tags": ["a", "b c"], "way": "quickly",
            "anything": { "a": 1 },
        });
        assert_eq!(answer, expected);
    })
    .await;
}

#[tokio::test]
async fn unknown_fields_are_refused_with_the_list_of_those_that_exist() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        let detail = |(status, tag, problem): (u16, String, Value)| {
            assert_eq!((status, tag.as_str()), (422, "arguments_invalid"));
            problem["detail"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            detail(ada.post("/v1/notes", &json!({ "text": "milk", "txt": 1 })).await.problem()),
            "notes:add: there is no argument \"txt\": it takes text"
        );
        assert_eq!(
            detail(ada.get("/v1/notes?limit=1").await.problem()),
            "notes:page: there is no argument \"limit\": it takes numItems, cursor, endCursor"
        );
    })
    .await;
}

#[tokio::test]
async fn values_that_are_not_what_the_operation_takes_are_422() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        let invalid = (422, "arguments_invalid".to_owned());
        for path in [
            "/v1/notes/x",
            "/v1/notes/count?atLeast=x",
            "/v1/notes/count?atLeast=1&atLeast=2",
            "/v1/notes/count?way=slow",
            "/v1/notes/count?tags=%00",
            "/v1/notes/count?anything=%22%5Cu0000%22",
        ] {
            assert_eq!(ada.get(path).await.refused(), invalid, "{path}");
        }
        for body in [json!({}), json!({ "text": 1 }), json!([]), json!("text"), json!({ "text": "\0" })] {
            assert_eq!(ada.post("/v1/notes", &body).await.refused(), invalid, "{body}");
        }
        let twice = ada.patch("/v1/notes/1", &json!({ "noteId": 2, "text": "milk" })).await;
        assert_eq!(twice.refused(), invalid);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_for_what_it_is() {
    both(|database| async move {
        let house = House::with(&database, |options| options.json_limit = 2_000).await;
        let ada = house.somebody(Role::Admin);
        let json = ada.with("content-type", "application/json");
        let send = async |body: Vec<u8>| json.send(Method::POST, "/v1/notes", Body::from(body)).await.refused();
        for broken in ["{", "{\"text\":}", "{\"text\":\"\\ud800\"}", "{\"text\":1e999}", "nonsense"] {
            assert_eq!(send(broken.into()).await, (400, "json_malformed".to_owned()), "{broken}");
        }
        assert_eq!(send(vec![b'"', 0xff, b'"']).await, (400, "json_malformed".to_owned()));
        assert_eq!(send(b"[".repeat(70)).await, (400, "json_too_deep".to_owned()));
        assert_eq!(send(b" ".repeat(2_001)).await, (413, "body_too_large".to_owned()));
        for kind in ["text/plain", "application/x-www-form-urlencoded", "json"] {
            let sent = ada.with("content-type", kind).send(Method::POST, "/v1/notes", "{}".into()).await;
            assert_eq!(sent.refused(), (415, "content_type".to_owned()), "{kind}");
        }
        let with_charset = ada.with("content-type", "application/json; charset=utf-8");
        with_charset.send(Method::POST, "/v1/notes", r#"{"text":"milk"}"#.into()).await.good();
    })
    .await;
}

#[tokio::test]
async fn paths_that_are_no_text_are_refused() {
    both(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Admin);
        assert_eq!(ada.get("/v1/notes/%ff").await.refused(), (400, "path_malformed".to_owned()));
        assert_eq!(ada.get("/v1/notes/%00").await.refused(), (422, "arguments_invalid".to_owned()));
    })
    .await;
}
