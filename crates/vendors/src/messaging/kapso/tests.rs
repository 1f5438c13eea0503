use http::{HeaderMap, HeaderValue};
use kernel::{Code, Time};
use provider::contract::{Sample, Webhook};

use super::*;

impl Sample for Kapso {
    const SETTINGS: &'static [(&'static str, &'static str)] =
        &[("KAPSO_API_KEY", "kapso_0123456789"), ("NEXT_PUBLIC_KAPSO_PHONE_NUMBER", "+15551234567")];

    fn webhook() -> Option<Webhook> {
        Some(Webhook {
            variables: &[("KAPSO_WEBHOOK_SECRET", "kapso_secret")],
            other_secret: "another_secret",
            body: r#"{"type":"whatsapp.message.received","batch":true,"data":[
                {"message":{"id":"wamid.1","timestamp":"1767225600","from":"491","kapso":{"direction":"inbound"}},
                 "conversation":{"id":"c","phone_number":"491"},"phone_number_id":"pn_1"},
                {"message":{"id":"wamid.2"}}]}"#,
            window: None,
            covers_body: true,
            sign: None,
        })
    }
}

fn source(token: Option<&str>) -> BoxedSource {
    let kapso_webhook_verify_token = token.map(Secret::new);
    Kapso::webhooks(WebhookSettings { kapso_webhook_secret: Secret::new("s"), kapso_webhook_verify_token }).unwrap()
}

fn events(body: &'static str, headers: &[(&'static str, &'static str)]) -> Vec<Received> {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
    let body = Bytes::from_static(body.as_bytes());
    let (method, received_at) = (&http::Method::POST, Time::from_ms(0));
    source(None).events(&WebhookRequest { method, url: "/", headers: &headers, body: &body, received_at })
}

#[test]
fn a_batch_is_one_event_for_each_message() {
    let events = events(Kapso::webhook().unwrap().body, &[("X-Idempotency-Key", "of the batch")]);
    let ids: Vec<_> = events.iter().map(|event| event.external_id.as_str()).collect();
    assert_eq!(ids, ["wamid.1", "wamid.2"]);
    assert!(events[0].payload.starts_with(br#"{"message":{"id":"wamid.1""#));
    assert_eq!(events[0].lane.as_deref(), Some("pn_1:491"));
    assert_eq!(events[0].account.as_deref(), Some("pn_1"));
}

#[test]
fn the_steps_of_an_outgoing_message_are_different_events() {
    let body = r#"{"message":{"id":"wamid.1","kapso":{"direction":"outbound","status":"delivered"}}}"#;
    let named = |name| events(body, &[("X-Webhook-Event", name), ("X-Idempotency-Key", "k")]).remove(0);
    assert_eq!(named("whatsapp.message.read").external_id, "wamid.1:read");
    assert_eq!(named("whatsapp.message.received").external_id, "wamid.1");
    let unnamed = events(body, &[]).remove(0);
    assert_eq!(
        (unnamed.kind.as_str(), unnamed.external_id.as_str()),
        ("whatsapp.message.delivered", "wamid.1:delivered")
    );
}

#[test]
fn an_event_without_a_message_has_the_idempotency_key_for_its_id_or_else_its_hash() {
    let body = r#"{"conversation":{"id":"c_1","phone_number":"+491","phone_number_id":"pn_1"}}"#;
    let with = events(body, &[("X-Webhook-Event", "whatsapp.conversation.created"), ("X-Idempotency-Key", "key_1")]);
    assert_eq!(with[0].external_id, "key_1");
    assert_eq!(with[0].lane.as_deref(), Some("pn_1:491"));
    let without = events(body, &[("X-Webhook-Event", "whatsapp.conversation.created")]);
    assert_eq!(without[0].external_id, Received::hashed_id("whatsapp.conversation.created", body.as_bytes()));
}

#[test]
fn a_forwarded_notification_is_cut_as_metas_own() {
    let body = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
        "metadata":{"phone_number_id":"pn_1"},"messages":[{"id":"wamid.1","from":"491"},{"id":"wamid.2","from":"492"}]}}]}]}"#;
    let events = events(body, &[("X-Idempotency-Key", "of the whole")]);
    let ids: Vec<_> = events.iter().map(|event| (event.external_id.as_str(), event.kind.as_str())).collect();
    assert_eq!(ids, [("wamid.1", "message"), ("wamid.2", "message")]);
}

#[test]
fn both_header_names_carry_the_signature() {
    let (body, unsigned) = (Bytes::from_static(b"{}"), HeaderMap::new());
    let (method, received_at) = (&http::Method::POST, Time::from_ms(0));
    let request = WebhookRequest { method, url: "/", headers: &unsigned, body: &body, received_at };
    let source = source(None);
    let (_, signature) = source.sign(&request).unwrap().remove(0);
    for name in SIGNATURES {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), signature.parse().unwrap())]);
        source.verify(&WebhookRequest { headers: &headers, ..request }).unwrap();
    }
}

#[test]
fn the_challenge_is_answered_under_both_names_and_guarded_when_a_token_is_set() {
    let ask = |token, query: &[(&str, &str)]| {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        source(token).challenge(&Challenge(&query))
    };
    assert_eq!(ask(None, &[("hub.challenge", "abc")]).unwrap(), "abc");
    assert_eq!(ask(None, &[("challenge", "abc")]).unwrap(), "abc");
    assert_eq!(ask(None, &[]).unwrap_err().code, Code::BadRequest);
    assert_eq!(ask(Some("t"), &[("challenge", "abc")]).unwrap_err().code, Code::Forbidden);
    assert_eq!(ask(Some("t"), &[("challenge", "abc"), ("hub.verify_token", "t")]).unwrap(), "abc");
}
