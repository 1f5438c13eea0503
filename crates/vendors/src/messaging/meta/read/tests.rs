use provider::messaging::{Content, Renamed};
use serde_json::{Value, json};

use super::*;

fn of(value: &Value) -> Vec<Change> {
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]});
    read(body.to_string().as_bytes()).unwrap()
}

fn message(message: &Value) -> Message {
    match of(&json!({"messages": [message]})).remove(0) {
        Change::Message(message) => *message,
        Change::Delivery(_) | Change::Renamed(_) => panic!("a message"),
    }
}

fn renamed(changes: &[Change]) -> &Renamed {
    match &changes[0] {
        Change::Renamed(renamed) => renamed,
        Change::Message(_) | Change::Delivery(_) => panic!("a person with other names"),
    }
}

#[test]
fn a_person_is_known_by_everything_that_is_said() {
    let value = json!({
        "contacts": [{"profile": {"name": "Ada", "username": "ada"}, "wa_id": "491701234567", "user_id": "DE.1", "parent_user_id": "DE.ENT.1"}],
        "messages": [{"from": "491701234567", "from_user_id": "DE.1", "id": "wamid.1", "timestamp": "1767225600",
            "type": "text", "text": {"body": "hi"}, "context": {"id": "wamid.0"}}],
    });
    let [Change::Message(message)] = &of(&value)[..] else { panic!("one message") };
    assert_eq!(message.person.bsuid.as_deref(), Some("DE.1"));
    assert_eq!(message.person.parent_bsuid.as_deref(), Some("DE.ENT.1"));
    assert_eq!(message.person.phone.as_deref(), Some("+491701234567"));
    assert_eq!(message.person.username.as_deref(), Some("ada"));
    assert_eq!(message.person.name.as_deref(), Some("Ada"));
    assert_eq!(message.content, Content::Text { body: "hi".to_owned() });
    assert_eq!(message.reply_to.as_deref(), Some("wamid.0"));
    assert!(message.asks_for_attention);
}

#[test]
fn a_person_without_a_number_is_known_by_the_id_alone() {
    let hidden = json!({"contacts": [{"profile": {"name": "Bob"}, "user_id": "DE.2"}],
        "messages": [{"from_user_id": "DE.2", "id": "wamid.2", "type": "text", "text": {"body": "ho"}}]});
    let [Change::Message(message)] = &of(&hidden)[..] else { panic!("one message") };
    assert_eq!((message.person.bsuid.as_deref(), message.person.phone.as_deref()), (Some("DE.2"), None));
    assert_eq!(message.person.name.as_deref(), Some("Bob"));
}

#[test]
fn every_type_of_message_has_its_content() {
    let content = |kind: &str, body: Value| {
        let mut json = json!({"from": "491", "id": "wamid.1", "type": kind});
        json[kind] = body;
        let message = message(&json);
        (serde_json::to_value(&message.content).unwrap(), message.content.text().map(str::to_owned))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        content("image", json!({"id": "m1", "mime_type": "image/jpeg", "sha256": "x", "caption": "look"})),
        (json!({"id": "m1", "mimeType": "image/jpeg", "caption": "look"}), text("look"))
    );
    assert_eq!(content("audio", json!({"id": "m1", "voice": true})), (json!({"id": "m1"}), None));
    assert_eq!(content("document", json!({"id": "m1", "filename": "a.pdf"})).1, text("a.pdf"));
    assert_eq!(
        content("location", json!({"latitude": 52.5, "longitude": 13.4, "name": "Berlin"})),
        (json!({"latitude": 52.5, "longitude": 13.4, "name": "Berlin"}), text("Berlin"))
    );
    assert_eq!(
        content("button", json!({"payload": "yes", "text": "Yes"})),
        (json!({"id": "yes", "title": "Yes"}), text("Yes"))
    );
    assert_eq!(
        content(
            "interactive",
            json!({"type": "list_reply", "list_reply": {"id": "r1", "title": "Red", "description": "warm"}})
        ),
        (json!({"id": "r1", "title": "Red", "description": "warm"}), text("Red"))
    );
    assert_eq!(
        content(
            "interactive",
            json!({"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{\"a\":1}"}})
        )
        .0,
        json!({"id": "flow", "title": "Sent", "response": {"a": 1}})
    );
    assert_eq!(content("reaction", json!({"message_id": "wamid.0", "emoji": "👍"})).1, text("👍"));
    assert_eq!(content("order", json!({"catalog_id": "c"})), (json!({"catalog_id": "c"}), None));
    assert_eq!(
        content("contacts", json!([{"name": {"formatted_name": "Eve"}}])).0,
        json!([{"name": {"formatted_name": "Eve"}}])
    );
    assert_eq!(content("text", json!({"body": 1})).0, json!({"body": 1}), "what is not understood is kept");
}

#[test]
fn a_message_that_cannot_be_shown_says_why() {
    let message =
        message(&json!({"from": "491", "id": "wamid.1", "type": "unsupported", "errors": [{"code": 131051}]}));
    assert_eq!(message.content, Content::Other(json!({"errors": [{"code": 131051}]})));
}

#[test]
fn an_echo_is_our_own_message() {
    let echoes = json!({"message_echoes": [{"from": "15550783881", "to": "491", "to_user_id": "DE.1", "id": "wamid.5",
        "type": "text", "text": {"body": "ours"}}]});
    let [Change::Message(echo)] = &of(&echoes)[..] else { panic!("one message") };
    assert_eq!((echo.direction, echo.asks_for_attention), (Direction::Outbound, false));
    assert_eq!((echo.person.phone.as_deref(), echo.person.bsuid.as_deref()), (Some("+491"), Some("DE.1")));
}

#[test]
fn a_failed_message_says_why_and_who_it_was_for() {
    let statuses = json!({"statuses": [
        {"id": "wamid.9", "status": "failed", "timestamp": "1767225602", "recipient_id": "491", "recipient_user_id": "DE.1",
            "errors": [{"code": 131026, "title": "Message undeliverable", "error_data": {"details": "No WhatsApp"}}]},
        {"id": "wamid.9", "status": "played"},
        {"id": "wamid.9", "status": "warning"},
    ]});
    let [Change::Delivery(failed), Change::Delivery(played)] = &of(&statuses)[..] else { panic!("two steps") };
    assert_eq!(failed.error.as_deref(), Some("131026: Message undeliverable: No WhatsApp"));
    assert_eq!(failed.person.bsuid.as_deref(), Some("DE.1"));
    assert_eq!(played.step, Step::Read);
}

#[test]
fn a_new_id_is_told_as_a_notice() {
    let notice = json!({"messages": [{"id": "wamid.7", "from_user_id": "PE.OLD", "timestamp": "1767225600", "type": "system",
        "system": {"type": "user_changed_user_id", "previous_user_id": "PE.OLD", "user_id": "PE.NEW", "body": "changed"}}]});
    let changes = of(&notice);
    let renamed = renamed(&changes);
    assert_eq!((renamed.before.bsuid.as_deref(), renamed.after.bsuid.as_deref()), (Some("PE.OLD"), Some("PE.NEW")));
    let Change::Message(message) = &changes[1] else { panic!("the notice itself") };
    assert!(!message.asks_for_attention && message.content.text() == Some("changed"));
}

#[test]
fn a_new_number_brings_a_new_id() {
    let notice = json!({"messages": [{"id": "wamid.8", "from": "491", "type": "system",
        "system": {"type": "user_changed_number", "wa_id": "492", "previous_user_id": "DE.1", "user_id": "DE.2"}}]});
    let changes = of(&notice);
    let renamed = renamed(&changes);
    assert_eq!((renamed.before.phone.as_deref(), renamed.before.bsuid.as_deref()), (Some("+491"), Some("DE.1")));
    assert_eq!((renamed.after.phone.as_deref(), renamed.after.bsuid.as_deref()), (Some("+492"), Some("DE.2")));
}

#[test]
fn the_form_of_the_first_half_of_2026_is_read_too() {
    let update = json!({"user_id_update": [{"wa_id": "491", "user_id": {"previous": "DE.1", "current": "DE.2"}, "timestamp": 1_767_225_600}]});
    let changes = of(&update);
    let renamed = renamed(&changes);
    assert_eq!((renamed.before.bsuid.as_deref(), renamed.after.bsuid.as_deref()), (Some("DE.1"), Some("DE.2")));
}
