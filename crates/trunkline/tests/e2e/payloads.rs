//! Bodies as vendors send them, with the parts that a test is about.

use serde_json::{Value, json};

/// A notification of Meta about one of our numbers.
fn notification(account: &str, value: &Value) -> String {
    let mut value = value.clone();
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "15550783881", "phone_number_id": account });
    // Messages that the business sent from its own phone have another field.
    let field = if value["message_echoes"].is_array() { "smb_message_echoes" } else { "messages" };
    let change = json!({ "field": field, "value": value });
    let entry = json!({ "id": "102290129340398", "changes": [change] });
    json!({ "object": "whatsapp_business_account", "entry": [entry] }).to_string()
}

/// A text that a person sent to one of our numbers.
pub(crate) fn message(account: &str, from: &str, id: &str, text: &str) -> String {
    let contact = json!({ "profile": { "name": format!("Person {from}") }, "wa_id": from });
    let message =
        json!({ "from": from, "id": id, "timestamp": "1767225600", "type": "text", "text": { "body": text } });
    notification(account, &json!({ "contacts": [contact], "messages": [message] }))
}

/// A delivery step of an outgoing message.
pub(crate) fn status(account: &str, to: &str, id: &str, status: &str, at: u64) -> String {
    let step = json!({ "id": id, "status": status, "timestamp": at.to_string(), "recipient_id": to,
        "pricing": { "billable": true, "pricing_model": "PMP", "category": "utility" } });
    notification(account, &json!({ "statuses": [step] }))
}

/// A message that the business sent from its own phone.
pub(crate) fn echo(account: &str, to: &str, id: &str, text: &str) -> String {
    let echo = json!({ "from": "15550783881", "to": to, "id": id, "timestamp": "1767225600", "type": "text",
        "text": { "body": text } });
    notification(account, &json!({ "message_echoes": [echo] }))
}

/// A person's message, as Kapso reports it.
pub(crate) fn kapso_message(account: &str, from: &str, id: &str, text: &str) -> Value {
    json!({
        "message": { "id": id, "timestamp": "1767225660", "type": "text", "from": from, "text": { "body": text },
            "kapso": { "direction": "inbound", "status": "received", "processing_status": "pending",
                "origin": "cloud_api", "has_media": false, "content": text } },
        "conversation": { "id": format!("conv_{from}"), "phone_number": format!("+{from}"), "status": "active",
            "phone_number_id": account, "kapso": { "contact_name": "Emmy Noether" } },
        "is_new_conversation": true,
        "phone_number_id": account,
    })
}

/// Several of Kapso's events in one request.
pub(crate) fn kapso_batch(kind: &str, events: &[Value]) -> String {
    json!({ "type": kind, "batch": true, "data": events }).to_string()
}
