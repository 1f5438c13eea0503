//! An entry of the audit log.

use engine::{Caller, Identity, Place, Placed};
use kernel::{Id, Time, mask};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The greatest number of characters of the arguments that are stored.
const LONGEST: usize = 4000;

kernel::id_prefix! {
    /// The kind of id of an entry of the audit log.
    pub AuditEntryPrefix = "aud" in "auditEntries"
}

/// Which caller did what, to which object, when and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// `aud_…`
    #[serde(rename = "_id")]
    pub id: Id<AuditEntryPrefix>,
    /// When the operation ran.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The operation.
    pub operation: String,
    /// The person who called; absent for API keys and operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The display name of the caller.
    pub actor: String,
    /// The person who impersonated the caller, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator_id: Option<String>,
    /// The display name of the impersonator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonator: Option<String>,
    /// How the caller was authenticated: `token`, `key`, `operator` or `anonymous`.
    pub means: String,
    /// The id of the object that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The arguments as JSON, without secrets.
    pub arguments: String,
    /// The network address of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl Placed for AuditEntry {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// Returns how a caller was authenticated, as it is stored.
pub(super) fn means(caller: &Caller) -> &'static str {
    match &caller.identity {
        Identity::Anonymous => "anonymous",
        Identity::Token(_) => "token",
        Identity::Key(_) => "key",
        Identity::Operator(_) => "operator",
        Identity::Job(_) => "job",
    }
}

/// Returns the id of the object that was changed: the one that the arguments name, or the one in the answer.
pub(super) fn subject(operation: &str, arguments: &Value, output: &Value) -> Option<String> {
    let fields = arguments.as_object()?;
    let module = operation.split(':').next().unwrap_or_default().trim_end_matches('s');
    let own = format!("{module}Id");
    let named = fields.get(&own).or_else(|| fields.iter().find(|(name, _)| name.ends_with("Id")).map(|(_, id)| id));
    let made = || output.get("_id").or_else(|| output.get(&own)).or(Some(output));
    let id = if named.is_some() { named } else { made() };
    id?.as_str().filter(|id| id.len() <= 200).map(ToOwned::to_owned)
}

/// Returns arguments without secrets: fields with a secret's name are left out, personal data and keys in texts are
/// masked.
pub(super) fn without_secrets(arguments: &Value) -> String {
    let mut kept = arguments.clone();
    hide(&mut kept);
    let text = kept.to_string();
    match text.char_indices().nth(LONGEST) {
        // The arguments are shown to people. A shortened text is no longer JSON, so that it is stored as a JSON string.
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
            // A text may hold a whole file. It is cut before masking, with a margin, because only `LONGEST` characters
            // are stored.
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
