//! Quotes a vendor's answer in an error that people and logs will see.

use kernel::{Secret, mask};
use serde_json::Value;

/// The greatest number of characters quoted of a vendor's own message.
const MESSAGE: usize = 300;
/// The greatest number of characters quoted of an answer that holds no message.
const GLIMPSE: usize = 100;
/// The number of bytes of a body that are searched for a message.
const LOOKED_AT: usize = 64 * 1024;

/// Returns the vendor's own message about a refusal, if the answer has one.
pub(super) fn message(body: &[u8], secrets: &[Secret]) -> Option<String> {
    let said = match serde_json::from_slice(body) {
        Ok(answer) => find(&answer)?,
        Err(_) => text(body),
    };
    Some(fit_to_be_seen(&said, MESSAGE, secrets)).filter(|said| !said.is_empty())
}

/// Returns the first characters of an answer that should have been JSON. An answer that looks like JSON may hold
/// personal data, and is not shown.
pub(super) fn glimpse(body: &[u8], secrets: &[Secret]) -> String {
    let text = text(body);
    if text.trim_start().starts_with(['{', '[']) {
        return "JSON that breaks off or is malformed".to_owned();
    }
    fit_to_be_seen(&text, GLIMPSE, secrets)
}

/// Returns serde's message about an answer of the wrong structure, without the values that it quotes.
pub(super) fn complaint(error: &serde_json::Error, secrets: &[Secret]) -> String {
    let said = error.to_string();
    let mut parts = said.split('"');
    let mut open = parts.next().unwrap_or_default().to_owned();
    if let Some(last) = parts.next_back() {
        open.push_str("\"…\"");
        open.push_str(last);
    }
    fit_to_be_seen(&open, MESSAGE, secrets)
}

/// Searches the usual places of a message, the most specific first.
fn find(answer: &Value) -> Option<String> {
    match answer {
        Value::String(text) => Some(text.clone()),
        Value::Array(errors) => errors.first().and_then(find),
        Value::Object(fields) => {
            const PLACES: [&str; 8] =
                ["message", "error_description", "detail", "error", "errors", "title", "error_message", "description"];
            PLACES.iter().filter_map(|place| fields.get(*place)).find_map(find)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]).into_owned()
}

/// Returns one short line without secrets and personal data. Secrets are masked before the text is cut, because half a
/// key is still a key.
fn fit_to_be_seen(text: &str, length: usize, secrets: &[Secret]) -> String {
    let hidden = secrets
        .iter()
        .map(Secret::expose)
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret, "…"));
    let line = hidden.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    let masked = mask(&line);
    match masked.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &masked[..end]),
        None => masked.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Option<String> {
        message(body.as_bytes(), &[Secret::new("hunter2")])
    }

    #[test]
    fn a_vendors_message_is_found_where_vendors_put_it() {
        for body in [
            r#"{"error":{"message":"No such customer","type":"invalid_request_error"}}"#,
            r#"{"error":"bad","error_description":"No such customer"}"#,
            r#"{"detail":[{"loc":["id"],"msg":"x","message":"No such customer"}]}"#,
            r#"{"errors":[{"status":"404","title":"Not Found","detail":"No such customer"}]}"#,
            r#"[{"errorCode":"NOT_FOUND","message":"No such customer"}]"#,
            r#"{"error":"No such customer","success":false}"#,
            "No such\n\tcustomer",
        ] {
            assert_eq!(said(body).as_deref(), Some("No such customer"), "{body}");
        }
        assert_eq!(said(r#"{"code":17}"#), None);
        assert_eq!(said(""), None);
    }

    #[test]
    fn a_quotation_hides_our_secrets_and_personal_data_and_is_short() {
        assert_eq!(
            said(r#"{"message":"wrong key hunter2 of ada@example.com"}"#).unwrap(),
            "wrong key … of …@example.com"
        );
        let long = said(&"ä ".repeat(400)).unwrap();
        assert_eq!(long.chars().count(), MESSAGE + 1);
        let cut = format!("{}hunter2", "x".repeat(MESSAGE - 3));
        assert!(!said(&cut).unwrap().contains("hun"), "nor the beginning of one");
    }

    #[test]
    fn a_glimpse_shows_html_and_no_data() {
        assert_eq!(glimpse(b"<!DOCTYPE html>\n<title>502</title>", &[]), "<!DOCTYPE html> <title>502</title>");
        assert!(!glimpse(br#"{"email":"ada@exam"#, &[]).contains("ada"));
    }

    #[test]
    fn a_complaint_names_the_field_and_no_value() {
        #[derive(Debug, serde::Deserialize)]
        struct Answer {
            #[serde(rename = "amount")]
            _amount: i64,
        }
        let error = serde_json::from_str::<Answer>(r#"{"amount":"ten \" Ada"}"#).unwrap_err();
        assert_eq!(complaint(&error, &[]), "invalid type: string \"…\", expected i64 at line 1 column 22");
        let error = serde_json::from_str::<Answer>("{}").unwrap_err();
        assert_eq!(complaint(&error, &[]), "missing field `amount` at line 1 column 2");
    }
}
