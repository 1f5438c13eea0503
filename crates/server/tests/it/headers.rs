//! The headers of every answer, and the calls that pages of other origins may make.

use axum::{body::Body, http::Method};
use kernel::Role;
use serde_json::json;
use testkit::sqlite;

use crate::house::House;

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    sqlite(|database| async move {
        let house = House::new(&database).await;
        let ada = house.somebody(Role::Viewer);
        for path in ["/v1/notes", "/v1/notes/7", "/v1/nothing", "/openapi.json", "/health/live", "/webhooks/nobody"] {
            let answer = ada.get(path).await;
            for (name, value) in [
                ("strict-transport-security", "max-age=63072000; includeSubDomains"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "strict-origin-when-cross-origin"),
            ] {
                assert_eq!(answer.header(name), value, "{path}");
            }
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
        }
        assert_eq!(ada.with("x-request-id", "mine-1").get("/v1/notes").await.header("x-request-id"), "mine-1");
    })
    .await;
}

#[tokio::test]
async fn a_page_of_an_origin_that_was_named_may_call_and_no_other() {
    sqlite(|database| async move {
        let house = House::with(&database, |options| options.cors_origins = vec!["https://app.test".to_owned()]).await;
        let ada = house.somebody(Role::Viewer);
        let asks = ada.with("origin", "https://app.test").with("access-control-request-method", "POST");
        let first = asks.send(Method::OPTIONS, "/v1/notes", Body::empty()).await;
        assert_eq!((first.status.as_u16(), first.header("access-control-allow-origin")), (204, "https://app.test"));
        assert!(first.header("access-control-allow-headers").contains("idempotency-key"));

        let answer = ada.with("origin", "https://app.test").get("/v1/greeting").await;
        assert_eq!(answer.good(), json!("hello"));
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.test");
        assert!(answer.header("access-control-expose-headers").contains("etag"));
        let varies: Vec<_> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(varies.contains(&"origin"), "{varies:?}");

        let eve = ada.with("origin", "https://evil.test");
        assert_eq!(eve.get("/v1/greeting").await.header("access-control-allow-origin"), "");
        let asks = eve.with("access-control-request-method", "POST");
        assert_eq!(asks.send(Method::OPTIONS, "/v1/notes", Body::empty()).await.status, 405);
    })
    .await;
}

#[tokio::test]
async fn without_origins_no_page_of_another_may_call() {
    sqlite(|database| async move {
        let house = House::new(&database).await;
        let answer = house.stranger().with("origin", "https://app.test").get("/v1/greeting").await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
    })
    .await;
}
