//! Schemas as a description of HTTP needs them.

use serde_json::{Value, json};

/// A schema that is an object: tools do not expect `true`.
pub(super) fn object(schema: &Value) -> Value {
    if schema.is_object() { schema.clone() } else { json!({}) }
}

/// What a text in a path or a query can be: never null, it is left out.
pub(super) fn without_null(schema: &Value) -> Value {
    let mut schema = object(schema);
    let Some(fields) = schema.as_object_mut() else { return schema };
    fields.retain(|name, value| name != "default" || !value.is_null());
    if let Some(Value::Array(kinds)) = fields.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            fields.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(words)) = fields.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(choice)] = choices.as_slice() {
            let choice = choice.clone();
            fields.remove("anyOf");
            for (name, value) in choice {
                fields.entry(name).or_insert(value);
            }
        }
    }
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
