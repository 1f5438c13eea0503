use serde_json::{Value, json};

use super::*;

fn cut(notification: &Value) -> Vec<Received> {
    events(&Bytes::from(notification.to_string()))
}

fn notification(value: &Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "waba_1", "changes": [{"field": "messages", "value": value}]}]})
}

fn payload(event: &Received) -> Value {
    serde_json::from_slice(&event.payload).unwrap()
}

fn two_people() -> Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "1555", "phone_number_id": "pn_1"},
        "contacts": [
            {"profile": {"name": "Ada"}, "wa_id": "491"},
            {"profile": {"name": "Bob"}, "user_id": "DE.2"},
        ],
        "messages": [
            {"from": "491", "id": "wamid.1", "timestamp": "1767225600", "type": "text", "text": {"body": "hi"}},
            {"from_user_id": "DE.2", "id": "wamid.2", "timestamp": "1767225601", "type": "text", "text": {"body": "ho"}},
        ],
        "statuses": [{"id": "wamid.9", "status": "read", "timestamp": "1767225602", "recipient_id": "491"}],
    })
}

#[test]
fn a_single_message_is_the_whole_body() {
    let body = notification(&json!({
        "metadata": {"phone_number_id": "pn_1"},
        "messages": [{"from": "491", "id": "wamid.1", "timestamp": "1767225600"}],
    }));
    let [event] = &cut(&body)[..] else { panic!("one event") };
    assert_eq!(event.payload, body.to_string());
    assert_eq!((event.external_id.as_str(), event.kind.as_str()), ("wamid.1", "message"));
    assert_eq!(event.lane.as_deref(), Some("pn_1:491"));
    assert_eq!(event.account.as_deref(), Some("pn_1"));
    assert_eq!(event.occurred_at, Some(kernel::Time::from_seconds(1_767_225_600)));
}

#[test]
fn each_message_and_status_of_a_batch_is_an_event_of_the_same_shape() {
    let events = cut(&notification(&two_people()));
    let ids: Vec<_> = events.iter().map(|event| (event.external_id.as_str(), event.kind.as_str())).collect();
    assert_eq!(ids, [("wamid.1", "message"), ("wamid.2", "message"), ("wamid.9:read", "status")]);
    let lanes: Vec<_> = events.iter().map(|event| event.lane.as_deref()).collect();
    assert_eq!(lanes, [Some("pn_1:491"), Some("pn_1:DE.2"), Some("pn_1:491")]);
    let mut expected = two_people();
    expected["messages"] = json!([two_people()["messages"][1]]);
    expected["contacts"] = json!([two_people()["contacts"][1]]);
    expected.as_object_mut().unwrap().remove("statuses");
    assert_eq!(payload(&events[1]), notification(&expected));
}

#[test]
fn a_piece_that_was_cut_gives_the_same_event_when_it_is_read_again() {
    for event in cut(&notification(&two_people())) {
        assert_eq!(events(&event.payload), [event]);
    }
}

#[test]
fn the_text_of_an_element_is_kept_to_the_letter() {
    let body = r#"{"entry":[{"id":1,"changes":[{"field":"messages","value":{"messages":[{"id":"a", "n":1.50e0,"t":"\u00fc"},{"id":"b"}]}}]}]}"#;
    let events = events(&Bytes::from(body));
    let text = std::str::from_utf8(&events[0].payload).unwrap();
    assert!(text.contains(r#"{"id":"a", "n":1.50e0,"t":"\u00fc"}"#), "{text}");
}

#[test]
fn several_accounts_in_one_body_are_told_apart() {
    let one = |number: &str, id: &str| {
        json!({"id": number, "changes": [{"field": "messages", "value": {
            "metadata": {"phone_number_id": number}, "messages": [{"id": id, "from": "491"}]}}]})
    };
    let events = cut(&json!({"object": "whatsapp_business_account", "entry": [one("pn_1", "a"), one("pn_2", "b")]}));
    let accounts: Vec<_> = events.iter().map(|event| event.account.as_deref()).collect();
    assert_eq!(accounts, [Some("pn_1"), Some("pn_2")]);
}

#[test]
fn a_person_without_a_phone_number_has_a_lane_and_keeps_it_when_the_number_is_there_too() {
    let lane = |contact: Value, message: Value| {
        let value = json!({"metadata": {"phone_number_id": "pn_1"}, "contacts": [contact], "messages": [message]});
        cut(&notification(&value)).remove(0).lane
    };
    let hidden = lane(json!({"user_id": "DE.2"}), json!({"id": "a", "from_user_id": "DE.2"}));
    let shown = lane(json!({"user_id": "DE.2", "wa_id": "492"}), json!({"id": "b", "from": "492"}));
    assert_eq!(hidden.as_deref(), Some("pn_1:DE.2"));
    assert_eq!(shown, hidden);
}

#[test]
fn other_fields_are_events_named_after_the_field_and_known_again_in_other_company() {
    let update = json!({"field": "message_template_status_update", "value": {"event": "APPROVED"}});
    let alone = cut(&json!({"entry": [{"id": "waba_1", "changes": [update]}]}));
    let pair =
        cut(&json!({"entry": [{"id": "waba_1", "changes": [update, {"field": "account_update", "value": {}}]}]}));
    assert_eq!(alone[0].kind, "message_template_status_update");
    assert_eq!(alone[0].account.as_deref(), Some("waba_1"));
    assert_eq!(alone[0].external_id, pair[0].external_id);
    assert_eq!(pair[1].kind, "account_update");
}

#[test]
fn a_message_from_the_business_phone_is_an_event_of_its_field() {
    let value = json!({"metadata": {"phone_number_id": "pn_1"}, "message_echoes": [{"id": "wamid.5", "to": "491"}]});
    let body = json!({"entry": [{"id": "1", "changes": [{"field": "smb_message_echoes", "value": value}]}]});
    let [event] = &cut(&body)[..] else { panic!("one event") };
    assert_eq!((event.external_id.as_str(), event.kind.as_str()), ("wamid.5", "smb_message_echoes"));
    assert_eq!(event.lane.as_deref(), Some("pn_1:491"));
}

#[test]
fn what_is_not_a_notification_is_kept_as_malformed() {
    for body in [json!({}), json!({"entry": []}), json!({"entry": [{"changes": []}]}), json!({"entry": 1})] {
        let [event] = &cut(&body)[..] else { panic!("one event") };
        assert!(event.defect.is_some(), "{body}");
    }
    let odd = cut(&notification(&json!({"messages": [1, {"id": "wamid.1"}]})));
    assert!(odd[0].defect.is_some() && odd[1].defect.is_none(), "one bad element does not spoil the others");
}

#[test]
fn a_body_that_was_made_to_be_cut_into_something_huge_is_kept_in_one_piece() {
    let messages: Vec<Value> = (0..5000).map(|number| json!({"id": number.to_string(), "from": "1"})).collect();
    let value =
        |filling: usize| json!({"metadata": "x".repeat(filling), "contacts": [{"wa_id": "1"}], "messages": messages});
    assert_eq!(cut(&notification(&value(100))).len(), 5000);
    assert!(cut(&notification(&value(100_000)))[0].defect.is_some());
}
