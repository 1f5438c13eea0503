//! Requests as they are sent, and the errors that answers lead to.

use std::time::Duration;

use kernel::{Code, Error, Retry, Secret};
use provider::http::outcome_unknown;
use serde_json::{Value, json as value};

use crate::{
    host::{Host, Reply, json, reply},
    world::World,
};

async fn refusal(replies: impl IntoIterator<Item = Reply>) -> Error {
    let host = Host::new(replies).await;
    World::new().http(host.url()).post("/things").send::<Value>().await.unwrap_err()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_put_together() {
    let host = Host::new([json(r#"{"id":"cus_1"}"#)]).await;
    let http = World::new().http(host.url());

    let answer: Value = http
        .post("/customers/{customer}/notes")
        .segment("customer", "cus/1")
        .query([("limit", 10)])
        .query([("q", "a&b")])
        .bearer(&Secret::new("s3cret"))
        .header("x-version", "2026-01-01")
        .json(&value!({"text": "hello"}))
        .send()
        .await
        .unwrap();

    assert_eq!(answer["id"], "cus_1");
    let asked = &host.asked()[0];
    assert_eq!(asked.line(), "POST /v1/customers/cus%2F1/notes?limit=10&q=a%26b HTTP/1.1");
    assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(asked.header("x-version"), Some("2026-01-01"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(asked.body, r#"{"text":"hello"}"#);
}

#[tokio::test]
async fn a_form_and_a_password_arrive_encoded() {
    let host = Host::new([json("{}")]).await;
    let request = World::new().http(host.url()).post("/charges").form([("amount", "5"), ("note", "a b&c")]);
    request.basic("user", &Secret::new("pass")).send::<Value>().await.unwrap();
    let asked = &host.asked()[0];
    assert_eq!(asked.body, "amount=5&note=a+b%26c");
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.header("authorization"), Some("Basic dXNlcjpwYXNz"));
}

#[tokio::test]
async fn an_empty_answer_reads_as_nothing() {
    let host = Host::new([reply(204, &[], "")]).await;
    World::new().http(host.url()).delete("/things/1").send::<()>().await.unwrap();
}

#[tokio::test]
async fn refused_credentials_name_the_variable_to_check() {
    for status in [401, 403] {
        let error = refusal([reply(status, &[], r#"{"error":{"message":"Invalid API key"}}"#)]).await;
        assert_eq!((error.code, error.retry()), (Code::Config, Retry::Never));
        let expected = format!("acme refused our credentials ({status}), check ACME_SECRET_KEY: Invalid API key");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_refusal_quotes_the_vendor() {
    for (status, code, sentence) in [
        (400, Code::BadRequest, "acme refused the request (400): no such plan"),
        (404, Code::NotFound, "acme does not have it (404): no such plan"),
        (409, Code::Conflict, "acme refused the request (409): no such plan"),
        (422, Code::BadRequest, "acme refused the request (422): no such plan"),
    ] {
        let error = refusal([reply(status, &[], r#"{"message":"no such plan"}"#)]).await;
        assert_eq!((error.code, error.to_string().as_str(), error.retry()), (code, sentence, Retry::Never));
        assert!(!outcome_unknown(&error));
    }
}

#[tokio::test]
async fn too_many_calls_say_when_to_come_back() {
    for after in ["retry-after: 120", "retry-after: Thu, 01 Jan 2026 00:02:00 GMT"] {
        let host = Host::new([reply(429, &[after], "")]).await;
        let error = World::new().http(host.url()).get("/things").send::<Value>().await.unwrap_err();
        assert_eq!((error.code, error.retry()), (Code::RateLimited, Retry::After(Duration::from_secs(120))));
        assert_eq!(host.asked().len(), 1, "a wait that long is for the job, not for the call");
    }
}

#[tokio::test]
async fn html_instead_of_json_is_quoted() {
    let error = refusal([reply(200, &["content-type: text/html"], "<html>\n<h1>Welcome to nginx</h1>")]).await;
    assert_eq!((error.code, error.retry()), (Code::Vendor, Retry::Soon));
    assert_eq!(error.to_string(), "acme did not answer JSON: <html> <h1>Welcome to nginx</h1>");
    assert!(outcome_unknown(&error), "who knows whether that was the vendor");
}

#[tokio::test]
async fn json_of_another_shape_names_the_field() {
    #[derive(Debug, serde::Deserialize)]
    struct Thing {
        #[serde(rename = "id")]
        _id: String,
    }
    let host = Host::new([json(r#"{"name":"Ada"}"#)]).await;
    let error = World::new().http(host.url()).get("/things").send::<Thing>().await.unwrap_err();
    assert!(error.to_string().starts_with("acme answered JSON that we cannot read: missing field `id`"), "{error}");
    assert!(!outcome_unknown(&error), "a read leaves nothing behind");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let announced = reply(200, &[], &"x".repeat(2000));
    let unannounced = Reply::Bytes(format!("HTTP/1.1 200 X\r\n\r\n{}", "x".repeat(2000)).into_bytes());
    for answer in [announced, unannounced] {
        let host = Host::new([answer]).await;
        let mut world = World::new();
        world.options.max_body = 1000;
        let error = world.http(host.url()).get("/things").send_raw().await.unwrap_err();
        assert_eq!((error.tag, error.retry()), ("vendor_too_large", Retry::Never));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Host::new([json("{}")]).await;
    let error = refusal([reply(302, &[&format!("location: {}", elsewhere.url())], "")]).await;
    assert_eq!((error.tag, error.code), ("vendor_redirect", Code::Vendor));
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_caller_that_branches_on_the_status_gets_it() {
    let host = Host::new([reply(409, &[], r#"{"message":"exists","id":"cus_1"}"#)]).await;
    let answer = World::new().http(host.url()).post("/customers").send_raw().await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.message().as_deref()), (409, Some("exists")));
    assert_eq!(answer.json::<Value>().unwrap()["id"], "cus_1");
}
