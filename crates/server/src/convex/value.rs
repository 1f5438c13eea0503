//! Values on the wire. Clients discard a whole transition when one field in it has a name that they do not allow, so
//! answers are checked here, where only the query with such an answer fails.

use data_encoding::BASE64;
use kernel::{Error, Result};
use serde_json::{Map, Number, Value};

/// The longest name of a field.
const NAME: usize = 1024;

/// Checks the text of an answer.
///
/// # Errors
/// `Internal` when a field has a name that clients refuse.
pub(super) fn check(text: &str) -> Result<()> {
    let mut rest = text;
    while let Some((_, from_string)) = rest.split_once('"') {
        let (string, behind) = from_string.split_at(end(from_string));
        rest = behind.get(1..).unwrap_or_default();
        if !rest.trim_ascii_start().starts_with(':') {
            continue;
        }
        if string.starts_with('$') || string.contains('\\') {
            // It may be a special value of the protocol, which cannot be recognised by the name alone.
            let value: Value = serde_json::from_str(text)
                .map_err(|error| Error::internal("answer_unreadable", "an answer is not JSON").source(error))?;
            return check_value(&value);
        }
        check_name(string)?;
    }
    Ok(())
}

/// Returns the end of the string whose first quote is before `text`.
fn end(text: &str) -> usize {
    let mut escaped = false;
    let quote = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    quote.unwrap_or(text.len())
}

/// Checks an answer.
///
/// # Errors
/// `Internal` when a field has a name that clients refuse.
pub(super) fn check_value(value: &Value) -> Result<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(check_value),
        Value::Object(fields) if is_special(fields) => Ok(()),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            check_name(name)?;
            check_value(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn check_name(name: &str) -> Result<()> {
    let printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if printable && !name.starts_with('$') && name.len() <= NAME {
        return Ok(());
    }
    Err(Error::internal("field_name", "an answer has a field whose name clients refuse").context("field", name))
}

/// Returns whether this is the protocol's encoding of a value that JSON lacks: `{"$integer": "…"}`.
fn is_special(fields: &Map<String, Value>) -> bool {
    special(fields).is_some()
}

enum Special {
    Integer(i64),
    Float(f64),
    Bytes(String),
}

fn special(fields: &Map<String, Value>) -> Option<Special> {
    let (name, Value::String(text)) = fields.iter().next().filter(|_| fields.len() == 1)? else { return None };
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    match name.as_str() {
        "$integer" => Some(Special::Integer(i64::from_le_bytes(bytes.try_into().ok()?))),
        "$float" => Some(Special::Float(f64::from_le_bytes(bytes.try_into().ok()?))),
        "$bytes" => Some(Special::Bytes(text.clone())),
        _ => None,
    }
}

/// Converts arguments for operations: an integer in the protocol's encoding becomes a number where the schema asks for
/// one. Where the schema accepts anything, the value stays as it is.
pub(super) fn arguments(came: Value, schema: &Value) -> Value {
    let mut came = came;
    if let Value::Array(one) = &mut came
        && one.len() == 1
    {
        came = one.remove(0);
    }
    if let Value::Object(fields) = &mut came {
        for (name, value) in fields {
            if takes_numbers(&schema["properties"][name.as_str()])
                && let Value::Object(parts) = value
            {
                match special(parts) {
                    Some(Special::Integer(number)) => *value = number.into(),
                    Some(Special::Float(number)) => {
                        *value = Number::from_f64(number).map_or(Value::Null, Value::Number);
                    }
                    Some(Special::Bytes(_)) | None => {}
                }
            }
        }
    }
    came
}

fn takes_numbers(schema: &Value) -> bool {
    let is_number = |kind: &Value| matches!(kind.as_str(), Some("integer" | "number"));
    let kinds = &schema["type"];
    is_number(kinds) || kinds.as_array().is_some_and(|kinds| kinds.iter().any(is_number))
}

/// Converts an answer to plain JSON: integers as decimal text, bytes as base64, numbers that JSON lacks as their name.
pub(super) fn plain(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(fields) => match special(&fields) {
            Some(Special::Integer(number)) => number.to_string().into(),
            Some(Special::Bytes(text)) => text.into(),
            Some(Special::Float(number)) => Number::from_f64(number).map_or_else(|| name(number).into(), Value::Number),
            None => Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn name(number: f64) -> &'static str {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_clients_refuse_are_found_however_deep() {
        for name in ["straße", "$ref", "a\u{7f}", "tab\there", &"n".repeat(1025)] {
            let answer = json!([{ "ok": [{ name: 1 }] }]);
            assert_eq!(check(&answer.to_string()).unwrap_err().tag, "field_name", "{name}");
        }
    }

    #[test]
    fn texts_may_hold_anything() {
        let answer = json!({ "name": "straße", "price": "$5", "": "\\\"$x\":", "long": "é".repeat(2000) });
        check(&answer.to_string()).unwrap();
    }

    #[test]
    fn the_protocols_own_values_pass_and_become_plain_on_demand() {
        let answer = json!({
            "integer": { "$integer": "BQAAAAAAAAA=" },
            "bytes": { "$bytes": "AQI=" },
            "nan": { "$float": "AAAAAAAA+H8=" },
            "list": [1, 2.5, null],
        });
        check(&answer.to_string()).unwrap();
        let expected = json!({ "integer": "5", "bytes": "AQI=", "nan": "NaN", "list": [1, 2.5, null] });
        assert_eq!(plain(answer), expected);
        assert!(check(&json!({ "$integer": "no" }).to_string()).is_err());
    }

    #[test]
    fn names_are_told_from_texts_that_look_like_them() {
        for answer in [json!("$a\":"), json!(["$a", ":"]), json!({ "a\\": "$b" }), json!("\\"), json!("")] {
            check(&answer.to_string()).unwrap();
        }
        assert!(check(r#"{"a": 1, "$b" : 2}"#).is_err());
    }

    #[test]
    fn an_integer_becomes_a_number_where_one_is_asked_for() {
        let schema =
            json!({ "properties": { "n": { "type": "integer" }, "m": { "type": ["integer", "null"] }, "v": true } });
        let five = json!({ "$integer": "BQAAAAAAAAA=" });
        let came = json!([{ "n": five, "m": five, "v": five }]);
        assert_eq!(arguments(came, &schema), json!({ "n": 5, "m": 5, "v": five }));
    }
}
