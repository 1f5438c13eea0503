//! Writes the arguments of a call into a request.

use engine::{Description, Method};
use serde_json::{Map, Value};

/// Returns the path of a call with its query, and its body.
pub(super) fn request(operation: &Description, arguments: &Value) -> (String, Option<Value>) {
    let mut rest = arguments.as_object().cloned().unwrap_or_default();
    let mut path = operation.route.path.to_owned();
    for name in operation.route.parameters() {
        let value = rest.remove(name).map(|value| text(&value)).unwrap_or_default();
        path = path.replace(&format!("{{{name}}}"), &encoded(&value));
    }
    match operation.route.method {
        Method::Get => (format!("{path}?{}", query(rest)), None),
        // Without further arguments the body stays empty.
        Method::Delete if rest.is_empty() => (path, None),
        Method::Post | Method::Patch | Method::Delete => (path, Some(Value::Object(rest))),
    }
}

fn query(arguments: Map<String, Value>) -> String {
    let mut pairs = Vec::new();
    for (name, value) in arguments {
        match value {
            Value::Object(fields) => pairs.extend(fields.iter().map(|(name, value)| pair(name, value))),
            Value::Array(values) => pairs.extend(values.iter().map(|value| pair(&name, value))),
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => pairs.push(pair(&name, &value)),
        }
    }
    pairs.join("&")
}

fn pair(name: &str, value: &Value) -> String {
    format!("{name}={}", encoded(&text(value)))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}
