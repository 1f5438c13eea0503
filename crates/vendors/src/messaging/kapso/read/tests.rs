use provider::messaging::{Reader as _, Step};
use serde_json::{Value, json};

use super::*;

fn told(step: &str, payload: &Value) -> Vec<Change> {
    Reader.read(&format!("whatsapp.message.{step}"), payload.to_string().as_bytes()).unwrap()
}

fn message(change: &Change) -> &Message {
    match change {
        Change::Message(message) => message,
        Change::Delivery(_) | Change::Renamed(_) => panic!("a message"),
    }
}

#[test]
fn a_person_is_known_by_message_and_conversation() {
    let payload = json!({
        "message": {"id": "wamid.1", "timestamp": "1767225600", "type": "text", "text": {"body": "hi"}, "from": null,
            "from_user_id": "CO.24", "kapso": {"direction": "inbound", "origin": "cloud_api"}},
        "conversation": {"id": "c", "phone_number": null, "business_scoped_user_id": "CO.24", "username": "@dayana",
            "kapso": {"contact_name": "Dayana"}},
        "phone_number_id": "pn_1",
    });
    let changes = told("received", &payload);
    let person = &message(&changes[0]).person;
    assert_eq!((person.bsuid.as_deref(), person.phone.as_deref()), (Some("CO.24"), None));
    assert_eq!((person.username.as_deref(), person.name.as_deref()), (Some("dayana"), Some("Dayana")));
    assert!(message(&changes[0]).asks_for_attention);
    assert_eq!(changes.len(), 1);
}

#[test]
fn a_message_from_the_business_app_is_ours_with_its_steps() {
    let payload = json!({
        "message": {"id": "wamid.2", "type": "text", "text": {"body": "ours"}, "from": "1555", "to": "491",
            "kapso": {"direction": "outbound", "origin": "business_app", "statuses": [
                {"id": "wamid.2", "status": "sent", "timestamp": "1767225600", "recipient_id": "491"}]}},
        "conversation": {"phone_number": "+491"},
    });
    let changes = told("delivered", &payload);
    assert_eq!(message(&changes[0]).direction, Direction::Outbound);
    assert_eq!(message(&changes[0]).person.phone.as_deref(), Some("+491"));
    let step = |change: &Change| match change {
        Change::Delivery(delivery) => delivery.step,
        Change::Message(_) | Change::Renamed(_) => panic!("a step"),
    };
    assert_eq!(changes[1..].iter().map(step).collect::<Vec<_>>(), [Step::Sent, Step::Delivered]);
}

#[test]
fn what_a_phone_brings_along_asks_for_nothing() {
    let payload = json!({"message": {"id": "wamid.3", "from": "491", "type": "image", "image": {"id": "m1"},
        "kapso": {"direction": "inbound", "origin": "history_sync", "media_data": {"url": "https://k/1", "content_type": "image/png"}}}});
    let changes = told("received", &payload);
    assert!(!message(&changes[0]).asks_for_attention);
    let content = serde_json::to_value(&message(&changes[0]).content).unwrap();
    assert_eq!(content, json!({"id": "m1", "url": "https://k/1", "mimeType": "image/png"}));
}

#[test]
fn a_forwarded_notification_is_read_as_metas() {
    let body = json!({"entry": [{"changes": [{"value": {"messages": [{"id": "wamid.4", "from": "491", "type": "text", "text": {"body": "hi"}}]}}]}]});
    let changes = Reader.read("message", body.to_string().as_bytes()).unwrap();
    assert_eq!(message(&changes[0]).person.phone.as_deref(), Some("+491"));
    assert!(Reader.reads("status") && !Reader.reads("whatsapp.conversation.created"));
}
