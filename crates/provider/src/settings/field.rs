//! The fields of a settings struct, read from its JSON schema.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Settings;

/// One variable, as `.env.example`, `doctor` and the documentation show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `STRIPE_WEBHOOK_SECRET`.
    pub variable: String,
    /// What the setting is, and where to get its value.
    pub doc: String,
    /// Whether the vendor is off without it.
    pub required: bool,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// The value when it is not set.
    pub default: Option<String>,
    /// The allowed values, where there is a fixed set of them.
    pub choices: Vec<String>,
}

impl Field {
    /// Returns the first sentence of the description without its full stop, for the end of an error message.
    pub fn hint(&self) -> &str {
        let end = self.doc.find(". ").unwrap_or(self.doc.len());
        self.doc[..end].trim_end_matches('.')
    }
}

/// Returns the variables of `S`, in the order of its fields.
pub fn fields<S: Settings>() -> Vec<Field> {
    // Without references, every property contains its own schema.
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let schema = generator.into_root_schema_for::<S>();
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, property)| field(name, property, required.iter().any(|required| required == name)))
        .collect()
}

fn field(name: &str, property: &Value, required: bool) -> Field {
    let secret = is_secret(property);
    let doc = property.get("description").and_then(Value::as_str).unwrap_or_default();
    let default = property.get("default").filter(|_| !secret).and_then(as_text);
    Field {
        variable: name.to_ascii_uppercase(),
        doc: doc.split_whitespace().collect::<Vec<_>>().join(" "),
        required,
        secret,
        default,
        choices: choices(property),
    }
}

/// Returns whether the value, or a part of it (an element of a list, a variant), is marked as secret.
fn is_secret(schema: &Value) -> bool {
    let marked = |object: &Map<String, Value>| {
        object.get("writeOnly") == Some(&Value::Bool(true))
            || object.get("format").and_then(Value::as_str) == Some("password")
    };
    match schema {
        Value::Object(object) => marked(object) || object.values().any(is_secret),
        Value::Array(parts) => parts.iter().any(is_secret),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Returns the variants of an enum without data, also of an optional one.
fn choices(schema: &Value) -> Vec<String> {
    let list = |key: &str| schema.get(key).and_then(Value::as_array).into_iter().flatten();
    let own = list("enum").chain(schema.get("const")).filter_map(Value::as_str).map(str::to_owned);
    own.chain(list("oneOf").chain(list("anyOf")).flat_map(choices)).collect()
}

/// Returns a default as it is written into a variable.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(parts) => {
            Some(parts.iter().filter_map(as_text).collect::<Vec<_>>().join(",")).filter(|text| !text.is_empty())
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Some(value.to_string()),
    }
}
