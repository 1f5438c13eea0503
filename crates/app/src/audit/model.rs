//! A line of the audit log.

use engine::{Caller, Identity, Place, Placed};
use kernel::{Id, Time, mask};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of arguments that are kept.
const LONGEST: usize = 4000;

kernel::id_prefix! {
    /// The kind of id of an entry of the audit log.
    pub AuditEntryPrefix = "aud" in "auditEntries"
}

/// Who did what to what, when, from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// `aud_…`
    #[serde(rename = "_id")]
    pub id: Id<AuditEntryPrefix>,
    /// When it was done.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The operation.
    pub operation: String,
    /// The person, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What they are called.
    pub actor: String,
    /// Who acted as this person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator_id: Option<String>,
    /// What those are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator: Option<String>,
    /// `token`, `key`, `operator` or `anonymous`.
    pub means: String,
    /// The id of what it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The arguments as JSON, without what is secret.
    pub arguments: String,
    /// The address that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl Placed for AuditEntry {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// How somebody showed who they are.
pub(super) fn means(caller: &Caller) -> &'static str {
    match &caller.identity {
        Identity::Anonymous => "anonymous",
        Identity::Token(_) => "token",
        Identity::Key(_) => "key",
        Identity::Operator(_) => "operator",
    }
}

/// What it was done to: the document that the arguments name, or the one that the answer is.
pub(super) fn subject(operation: &str, arguments: &Value, output: &Value) -> Option<String> {
    let fields = arguments.as_object()?;
    let module = operation.split(':').next().unwrap_or_default().trim_end_matches('s');
    let own = format!("{module}Id");
    let named = fields.get(&own).or_else(|| fields.iter().find(|(name, _)| name.ends_with("Id")).map(|(_, id)| id));
    let made = || output.get("_id").or_else(|| output.get(&own)).or(Some(output));
    let id = if named.is_some() { named } else { made() };
    id?.as_str().filter(|id| id.len() <= 200).map(ToOwned::to_owned)
}

/// Arguments without what is secret: fields that are called so are left out, people and keys in texts are hidden.
pub(super) fn without_secrets(arguments: &Value) -> String {
    let mut kept = arguments.clone();
    hide(&mut kept);
    let text = kept.to_string();
    match text.char_indices().nth(LONGEST) {
        // It is shown to people: what is cut is not JSON any more, so that it is a text.
        Some((cut, _)) => Value::String(format!("{}…", &text[..cut])).to_string(),
        None => text,
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_ascii_lowercase();
                if ["secret", "password", "token", "credential"].iter().any(|word| name.contains(word)) {
                    *value = Value::String("…".to_owned());
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::String(text) => {
            // A whole file may have come. What is cut off with a margin is not shown anyway.
            let end = text.char_indices().nth(2 * LONGEST).map_or(text.len(), |(end, _)| end);
            *text = mask(&text[..end]).into_owned();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_secret_is_not_kept() {
        let kept = without_secrets(&json!({ "name": "Acme", "apiToken": "abc", "deep": [{ "PASSWORD": "x" }] }));
        assert_eq!(kept, r#"{"name":"Acme","apiToken":"…","deep":[{"PASSWORD":"…"}]}"#);
        assert!(!without_secrets(&json!({ "email": "ada@example.com" })).contains("ada@example.com"));
        assert!(without_secrets(&json!({ "notes": "x".repeat(10_000) })).chars().count() < 4200);
    }

    #[test]
    fn the_subject_is_what_the_arguments_name_or_the_answer_is() {
        let of = |operation, arguments, output| subject(operation, &arguments, &output);
        let both = json!({ "userId": "usr_1", "customerId": "cus_1" });
        assert_eq!(of("customers:update", both, json!({})), Some("cus_1".to_owned()));
        assert_eq!(of("customers:create", json!({ "name": "A" }), json!({ "_id": "cus_2" })), Some("cus_2".to_owned()));
        assert_eq!(of("items:insert", json!({}), json!("itm_1")), Some("itm_1".to_owned()));
        assert_eq!(of("kv:set", json!({}), json!(null)), None);
    }
}
