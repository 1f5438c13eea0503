//! Adapts schemas to OpenAPI.

use engine::operation::never_null;
use serde_json::{Value, json};

/// Returns a schema that is an object: some tools do not accept `true`.
pub(super) fn object(schema: &Value) -> Value {
    if schema.is_object() { schema.clone() } else { json!({}) }
}

/// Removes null from the schema of a text in a path or a query: such a value is left out instead.
pub(super) fn without_null(schema: &Value) -> Value {
    let mut schema = object(schema);
    if let Some(fields) = schema.as_object_mut() {
        fields.retain(|name, value| name != "default" || !value.is_null());
    }
    never_null(&mut schema);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_may_be_left_out() {
        let text = json!({ "type": ["string", "null"], "default": null, "description": "A tag." });
        assert_eq!(without_null(&text), json!({ "type": "string", "description": "A tag." }));
        let role = json!({ "anyOf": [{ "$ref": "#/components/schemas/Role" }, { "type": "null" }] });
        assert_eq!(without_null(&role), json!({ "$ref": "#/components/schemas/Role" }));
        assert_eq!(without_null(&Value::Bool(true)), json!({}));
    }
}
