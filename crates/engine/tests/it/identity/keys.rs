//! The keys that an issuer serves: fetched once, kept, and fetched again when necessary.

use std::time::Duration;

use kernel::{Code, Retry};
use serde_json::json;
use testkit::{hours, minutes, seconds};

use super::{
    Door,
    host::{Answer, Host, keys, set},
    signer::Signer,
};

fn door(host: &Host) -> Door {
    Door::to(&host.url(), json!({}))
}

/// Waits until the host has had this many requests, some of which are made in the background.
async fn until_asked(host: &Host, times: usize) {
    let end = tokio::time::Instant::now() + Duration::from_secs(10);
    while host.asked() < times {
        assert!(tokio::time::Instant::now() < end, "asked {} times, not {times}", host.asked());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(60)).await;
}

#[tokio::test]
async fn keys_are_fetched_once_however_many_tokens_come_at_once() {
    let signer = Signer::ec("k");
    let host = Host::with(&[&signer]).await;
    let door = door(&host);
    let token = signer.token(&door.payload(json!({})));
    let asked = futures_util::future::join_all((0..50).map(|_| door.ask(&token))).await;
    assert!(asked.iter().all(Result::is_ok));
    assert_eq!(host.asked(), 1);
    assert_eq!(door.ask(&token).await.as_deref(), Ok("user_1"));
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn a_key_that_nobody_has_seen_is_looked_for_once_in_thirty_seconds() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let host = Host::with(&[&old]).await;
    let door = door(&host);
    let (old_token, new_token) = (old.token(&door.payload(json!({}))), new.token(&door.payload(json!({}))));
    assert!(door.ask(&old_token).await.is_ok());
    host.answers(keys(&[&old, &new]));
    for _ in 0..20 {
        assert_eq!(door.ask(&new_token).await, Err("token_key_unknown"), "just fetched: not again so soon");
    }
    assert_eq!(host.asked(), 1);
    door.clock.advance(seconds(31));
    let both = futures_util::future::join_all((0..20).map(|_| door.ask(&new_token))).await;
    assert!(both.iter().all(Result::is_ok));
    assert_eq!(host.asked(), 2);
    let unknown = Signer::ec("unknown").token(&door.payload(json!({})));
    door.clock.advance(seconds(31));
    for _ in 0..20 {
        assert_eq!(door.ask(&unknown).await, Err("token_key_unknown"));
    }
    assert_eq!(host.asked(), 3);
    assert!(door.ask(&old_token).await.is_ok());
}

#[tokio::test]
async fn after_an_hour_keys_are_fetched_anew_while_the_old_ones_serve() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let host = Host::with(&[&old]).await;
    let door = door(&host);
    let long = json!({ "exp": 4_000_000_000_u32 });
    let (old_token, new_token) = (old.token(&door.payload(long.clone())), new.token(&door.payload(long)));
    assert!(door.ask(&old_token).await.is_ok());
    host.answers(keys(&[&new]));
    door.clock.advance(minutes(61));
    for _ in 0..10 {
        assert!(door.ask(&old_token).await.is_ok(), "nobody waits");
    }
    until_asked(&host, 2).await;
    assert_eq!(host.asked(), 2);
    assert!(door.ask(&new_token).await.is_ok());
    door.clock.advance(seconds(31));
    assert_eq!(door.ask(&old_token).await, Err("token_key_unknown"), "what the issuer withdrew is gone");
}

#[tokio::test]
async fn old_keys_serve_for_as_long_as_the_issuer_does_not_answer() {
    let (known, unknown) = (Signer::ec("known"), Signer::ec("unknown"));
    let host = Host::with(&[&known]).await;
    let door = door(&host);
    let long = json!({ "exp": 4_000_000_000_u32 });
    let (token, other) = (known.token(&door.payload(long.clone())), unknown.token(&door.payload(long)));
    assert!(door.ask(&token).await.is_ok());
    host.answers(Answer::Says(500, String::new()));
    for pause in [hours(2), hours(30), hours(30)] {
        door.clock.advance(pause);
        assert!(door.ask(&token).await.is_ok());
    }
    assert_eq!(door.ask(&other).await, Err("token_keys_unavailable"), "it may be a good one");
    host.answers(keys(&[&known, &unknown]));
    door.clock.advance(minutes(2));
    assert!(door.ask(&other).await.is_ok());
}

#[tokio::test]
async fn after_a_day_without_anybody_keys_are_fetched_before_they_serve() {
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let host = Host::with(&[&old]).await;
    let door = door(&host);
    let token = old.token(&door.payload(json!({ "exp": 4_000_000_000_u32 })));
    assert!(door.ask(&token).await.is_ok());
    host.answers(keys(&[&new]));
    door.clock.advance(hours(25));
    assert_eq!(door.ask(&token).await, Err("token_key_unknown"));
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_not_the_callers_fault() {
    let signer = Signer::ec("k");
    let too_many = (0..101).map(|number| Signer::ed(&number.to_string())).collect::<Vec<_>>();
    for answer in [
        Answer::Says(500, String::new()),
        Answer::Says(404, String::new()),
        Answer::Says(401, String::new()),
        Answer::Says(302, String::new()),
        Answer::Says(200, String::new()),
        Answer::Says(200, "<html>".to_owned()),
        Answer::Says(200, r#"{"error":"x"}"#.to_owned()),
        Answer::Says(200, set(&too_many.iter().collect::<Vec<_>>()).to_string()),
        Answer::Says(200, format!("{{\"keys\":[],\"x\":\"{}\"}}", "a".repeat(1 << 20))),
    ] {
        let host = Host::new(answer).await;
        let door = door(&host);
        let token = signer.token(&door.payload(json!({})));
        let error = door.issuers.identity(&token).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::Unavailable, "token_keys_unavailable"));
        assert!(matches!(error.retry(), Retry::After(_)));
        let asked = host.asked();
        assert_eq!(door.ask(&token).await, Err("token_keys_unavailable"));
        assert_eq!(host.asked(), asked, "it is left in peace for a moment");
        host.answers(keys(&[&signer]));
        door.clock.advance(minutes(1));
        assert_eq!(door.ask(&token).await.as_deref(), Ok("user_1"));
    }
}

#[tokio::test]
async fn a_caller_waits_five_seconds_at_most() {
    let signer = Signer::ec("k");
    let host = Host::new(Answer::Silence).await;
    let door = door(&host);
    let token = signer.token(&door.payload(json!({})));
    let start = std::time::Instant::now();
    let asked = futures_util::future::join_all((0..10).map(|_| door.ask(&token))).await;
    assert!(asked.iter().all(|answer| *answer == Err("token_keys_unavailable")));
    let waited = start.elapsed();
    assert!((4..8).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_stop_the_others() {
    let signer = Signer::ec("k");
    let host = Host::with(&[&signer]).await;
    let door = door(&host);
    let token = signer.token(&door.payload(json!({})));
    let gone = tokio::time::timeout(Duration::from_millis(5), door.ask(&token)).await;
    assert!(gone.is_err());
    assert!(door.ask(&token).await.is_ok());
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn keys_in_a_file_are_read_again_when_a_token_names_a_new_one() {
    let (old, new) = (Signer::ec("old"), Signer::rsa("new"));
    let folder = std::env::temp_dir().join(format!("trunkline-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("jwks.json");
    std::fs::write(&file, set(&[&old]).to_string()).unwrap();
    let door = Door::to(file.to_str().unwrap(), json!({}));
    assert!(door.ask(&old.token(&door.payload(json!({})))).await.is_ok());
    std::fs::write(&file, set(&[&old, &new]).to_string()).unwrap();
    let token = new.token(&door.payload(json!({})));
    assert_eq!(door.ask(&token).await, Err("token_key_unknown"));
    door.clock.advance(seconds(31));
    assert!(door.ask(&token).await.is_ok());
    std::fs::remove_dir_all(&folder).unwrap();
}
