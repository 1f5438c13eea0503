//! Which calls are retried, what their errors say, and when the circuit breaker opens.

use std::time::Duration;

use kernel::{Code, Error, Retry};
use provider::http::{BREAKER_PAUSE, Http, outcome_unknown};
use serde_json::Value;

use crate::{
    host::{Host, Reply, json, reply},
    world::World,
};

fn failed() -> Reply {
    reply(500, &[], "")
}

async fn get(http: &Http) -> Result<Value, Error> {
    http.get("/things").send().await
}

async fn post(http: &Http) -> Result<Value, Error> {
    http.post("/things").send().await
}

#[tokio::test]
async fn a_read_is_repeated_until_it_succeeds() {
    let host = Host::new([failed(), Reply::Drop, json(r#"{"ok":true}"#)]).await;
    assert_eq!(get(&World::new().http(host.url())).await.unwrap()["ok"], true);
    assert_eq!(host.asked().len(), 3);
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let host = Host::new([failed()]).await;
    let error = get(&World::new().http(host.url())).await.unwrap_err();
    assert_eq!((error.tag, error.code, error.retry()), ("vendor_failed", Code::Vendor, Retry::Soon));
    assert_eq!(host.asked().len(), 3);
}

#[tokio::test]
async fn a_post_is_sent_once_unless_the_vendor_recognises_repetitions() {
    let host = Host::new([failed()]).await;
    post(&World::new().http(host.url())).await.unwrap_err();
    assert_eq!(host.asked().len(), 1);
}

#[tokio::test]
async fn every_attempt_carries_the_same_idempotency_key() {
    let host = Host::new([Reply::Drop, failed(), json("{}")]).await;
    let request = World::new().http(host.url()).post("/charges").idempotency_key("intent_1");
    request.send::<Value>().await.unwrap();
    let keys: Vec<_> = host.asked().iter().map(|asked| asked.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!(keys, vec![Some("intent_1".to_owned()); 3]);
}

#[tokio::test]
async fn a_short_wait_that_the_vendor_asks_for_is_waited() {
    let host = Host::new([reply(429, &["retry-after: 0"], ""), json("{}")]).await;
    get(&World::new().http(host.url())).await.unwrap();
    assert_eq!(host.asked().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let host = Host::new([reply(404, &[], ""), json("{}")]).await;
    assert_eq!(get(&World::new().http(host.url())).await.unwrap_err().code, Code::NotFound);
    assert_eq!(host.asked().len(), 1);
}

#[tokio::test]
async fn when_a_post_left_and_no_answer_came_its_outcome_is_unknown() {
    let half = "HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{\"id\":";
    for (reply, tag) in [
        (Reply::Drop, "vendor_dropped"),
        (Reply::Silence(Vec::new()), "vendor_timed_out"),
        (Reply::Bytes(half.into()), "vendor_dropped"),
        (Reply::Silence(half.into()), "vendor_timed_out"),
        (reply(502, &[], ""), "vendor_failed"),
    ] {
        let host = Host::new([reply]).await;
        let error = post(&World::impatient().http(host.url())).await.unwrap_err();
        assert_eq!((error.tag, error.code, error.retry()), (tag, Code::Vendor, Retry::Soon));
        assert!(outcome_unknown(&error), "{error:?}");
        assert_eq!(host.asked().len(), 1, "{error:?}");
    }
}

#[tokio::test]
async fn an_unknown_outcome_stays_unknown_when_the_next_attempt_fails_clearly() {
    let host = Host::new([Reply::Drop, failed()]).await;
    let request = World::new().http(host.url()).post("/things").repeatable();
    assert!(outcome_unknown(&request.send::<Value>().await.unwrap_err()));
}

#[tokio::test]
async fn what_never_left_has_no_outcome() {
    let error = post(&World::new().http(Host::nobody().await)).await.unwrap_err();
    assert_eq!((error.tag, error.code, error.retry()), ("vendor_unreachable", Code::Vendor, Retry::Soon));
    assert!(!outcome_unknown(&error));
}

#[tokio::test]
async fn a_vendor_that_keeps_failing_is_left_in_peace_for_a_while() {
    let host = Host::new([failed(), failed(), failed(), failed(), json("{}")]).await;
    let mut world = World::new();
    world.options.breaker_failures = 4;
    let http = world.http(host.url());
    get(&http).await.unwrap_err();
    assert_eq!(get(&http).await.unwrap_err().tag, "vendor_failed", "the last answer tells more than the pause");

    world.advance(Duration::from_secs(1));
    let error = get(&http.clone()).await.unwrap_err();
    assert_eq!(error.tag, "vendor_paused", "clones share the breaker");
    assert_eq!((error.code, error.retry()), (Code::Unavailable, Retry::After(BREAKER_PAUSE - Duration::from_secs(1))));
    assert_eq!(host.asked().len(), 4, "nothing was sent");

    world.advance(BREAKER_PAUSE);
    get(&http).await.unwrap();
    get(&http).await.unwrap();
}

#[tokio::test]
async fn a_vendor_that_refuses_is_well() {
    let host = Host::new([reply(401, &[], "")]).await;
    let mut world = World::new();
    world.options.breaker_failures = 1;
    let http = world.http(host.url());
    for _ in 0..3 {
        assert_eq!(get(&http).await.unwrap_err().code, Code::Config);
    }
}
