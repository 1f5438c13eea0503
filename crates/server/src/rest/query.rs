//! Converts texts of a path or a query into the values that an argument's schema asks for.

use serde_json::{Map, Value};

/// The greatest number of references that are followed.
const HOPS: usize = 16;
/// The prefix of references.
const DEFINITIONS: &str = "#/components/schemas/";

/// The type that a text is converted into.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueType {
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list; each text is one element.
    List(Box<ValueType>),
    /// JSON.
    Json,
}

impl ValueType {
    /// Returns the type that a schema asks for. Null is ignored: a text is never null, it is left out.
    pub(crate) fn of(schema: &Value, definitions: &Map<String, Value>) -> Self {
        Self::resolve(schema, definitions, HOPS)
    }

    fn resolve(schema: &Value, definitions: &Map<String, Value>, hops: usize) -> Self {
        let Some(hops) = hops.checked_sub(1) else { return Self::Json };
        let of = |schema: &Value| Self::resolve(schema, definitions, hops);
        if let Some(name) = schema["$ref"].as_str().and_then(|target| target.strip_prefix(DEFINITIONS)) {
            return definitions.get(name).map_or(Self::Json, of);
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            if let Some(choices) = schema[several].as_array() {
                let mut shapes: Vec<_> = choices.iter().filter(|choice| choice["type"] != "null").map(of).collect();
                shapes.dedup();
                return if shapes.len() == 1 { shapes.remove(0) } else { Self::Json };
            }
        }
        match kind(schema) {
            Some("string") => Self::Text,
            Some("integer" | "number") => Self::Number,
            Some("boolean") => Self::Boolean,
            Some("array") => Self::List(Box::new(of(&schema["items"]))),
            _ => Self::Json,
        }
    }

    /// Converts a text. One that does not fit stays a text, so that the operation's own error says what it expects.
    pub(crate) fn read(&self, text: &str) -> Value {
        let value = match self {
            Self::Text => None,
            Self::Number => number(text),
            Self::Boolean => text.parse().ok().map(Value::Bool),
            Self::List(one) => return Value::Array(vec![one.read(text)]),
            Self::Json => serde_json::from_str(text).ok(),
        };
        value.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

/// Returns the one type besides null.
fn kind(schema: &Value) -> Option<&str> {
    let (one, several) = (schema["type"].as_str(), schema["type"].as_array());
    if let Some(kinds) = several {
        let mut kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
        return kinds.next().filter(|_| kinds.next().is_none());
    }
    let words = |values: &Vec<Value>| values.iter().all(Value::is_string);
    let chosen = schema["const"].is_string() || schema["enum"].as_array().is_some_and(words);
    one.or(chosen.then_some("string"))
}

fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<i64>().ok().map(Value::from).or_else(|| text.parse::<u64>().ok().map(Value::from));
    whole.or_else(|| {
        // Only numbers of JSON: no `inf`, no `1.`.
        serde_json::from_str::<serde_json::Number>(text).ok().map(Value::Number)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(schema: &Value) -> ValueType {
        let definitions = json!({
            "Role": { "oneOf": [{ "const": "owner", "type": "string" }, { "const": "staff", "type": "string" }] },
            "Loop": { "$ref": "#/components/schemas/Loop" },
        });
        ValueType::of(schema, definitions.as_object().unwrap())
    }

    #[test]
    fn a_text_becomes_what_the_schema_asks_for() {
        let number = shape(&json!({ "type": ["integer", "null"] }));
        assert_eq!(number.read("-3"), json!(-3));
        assert_eq!(number.read("18446744073709551615"), json!(u64::MAX));
        assert_eq!(shape(&json!({ "type": "number" })).read("1.5e3"), json!(1500.0));
        assert_eq!(shape(&json!({ "type": "boolean" })).read("true"), json!(true));
        assert_eq!(shape(&json!({ "type": "string" })).read("12"), json!("12"));
        assert_eq!(shape(&json!(true)).read("{\"a\":1}"), json!({ "a": 1 }));
    }

    #[test]
    fn a_text_that_does_not_fit_stays_a_text() {
        for wrong in ["", "x", "1 2", "inf", "NaN", "0x10", "1."] {
            assert_eq!(shape(&json!({ "type": "integer" })).read(wrong), json!(wrong));
        }
        assert_eq!(shape(&json!({ "type": "boolean" })).read("yes"), json!("yes"));
    }

    #[test]
    fn references_and_choices_are_followed() {
        let role = json!({ "anyOf": [{ "$ref": "#/components/schemas/Role" }, { "type": "null" }] });
        assert_eq!(shape(&role), ValueType::Text);
        assert_eq!(
            shape(&json!({ "type": "array", "items": { "type": "integer" } })),
            ValueType::List(ValueType::Number.into())
        );
        assert_eq!(shape(&json!({ "$ref": "#/components/schemas/Loop" })), ValueType::Json);
        assert_eq!(shape(&json!({ "$ref": "#/components/schemas/Gone" })), ValueType::Json);
    }
}
