//! Converts a schema into a type. Keywords that only narrow a value, such as its length, are ignored; keywords that
//! would change the type and have no equivalent are refused.

use serde_json::{Map, Value};

use super::shape::{Choice, Field, Shape};
use crate::rest::PAGE;

/// Keywords that determine the type.
const MEANT: [&str; 14] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "enum",
    "items",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "type",
    kernel::TABLE_OF_ID,
];

/// Keywords that narrow or describe the value.
const PASSED: [&str; 30] = [
    "$comment",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "propertyNames",
    "readOnly",
    "title",
    "uniqueItems",
    "writeOnly",
];

/// Returns the type of the values that a schema allows.
///
/// # Errors
/// The keyword, or its value, that has no equivalent type.
pub(super) fn shape(schema: &Value) -> Result<Shape, String> {
    let fields = match schema {
        Value::Bool(true) => return Ok(Shape::Any),
        Value::Bool(false) => return Ok(Shape::Never),
        Value::Object(fields) => fields,
        other @ (Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(other.to_string());
        }
    };
    let is_known = |name: &&String| {
        MEANT.contains(&name.as_str())
            || PASSED.contains(&name.as_str())
            || name.starts_with("x-")
            // It closes an object, and these types are closed.
            || (*name == "unevaluatedProperties" && fields[*name].is_boolean())
    };
    if let Some(unknown) = fields.keys().find(|name| !is_known(name)) {
        return Err(format!("`{unknown}`"));
    }
    let mut parts = Vec::new();
    if let Some(reference) = fields.get("$ref") {
        parts.push(Shape::Named(referred(reference)?.to_owned()));
    }
    if let Some(value) = fields.get("const") {
        parts.push(literal(value)?);
    }
    if let Some(values) = fields.get("enum") {
        let values: Result<Vec<_>, _> = list(values)?.iter().map(literal).collect();
        parts.push(Shape::one_of(values?));
    } else if !fields.contains_key("const") {
        parts.extend(typed(fields)?);
    }
    for name in ["oneOf", "anyOf"] {
        if let Some(choices) = fields.get(name) {
            let choices: Result<Vec<_>, _> = list(choices)?.iter().map(choice).collect();
            parts.push(Shape::either(choices?));
        }
    }
    if let Some(all) = fields.get("allOf") {
        for one in list(all)? {
            parts.push(shape(one)?);
        }
    }
    Ok(Shape::all(parts))
}

/// Returns the name that a reference leads to.
pub(super) fn referred(reference: &Value) -> Result<&str, String> {
    let name = reference.as_str().and_then(|path| path.strip_prefix("#/components/schemas/"));
    // None of our types has a name with characters that a reference must escape.
    name.filter(|name| !name.contains(['%', '~', '/'])).ok_or_else(|| format!("the reference {reference}"))
}

/// Returns the description of a schema.
pub(super) fn words(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

fn choice(schema: &Value) -> Result<Choice, String> {
    Ok(Choice { words: words(schema), shape: shape(schema)? })
}

fn literal(value: &Value) -> Result<Shape, String> {
    match value {
        Value::Null => Ok(Shape::Null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Shape::Literal(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(format!("the constant {value}")),
    }
}

/// Converts the keyword `type`, and the keywords that belong to it.
fn typed(fields: &Map<String, Value>) -> Result<Option<Shape>, String> {
    let kinds = match fields.get("type") {
        Some(Value::Array(kinds)) => kinds.as_slice(),
        Some(kind) => std::slice::from_ref(kind),
        None if fields.contains_key("properties") => return object(fields).map(Some),
        None => return Ok(None),
    };
    let shapes: Result<Vec<_>, _> = kinds.iter().map(|kind| of_kind(kind, fields)).collect();
    Ok(Some(Shape::one_of(shapes?)))
}

fn of_kind(kind: &Value, fields: &Map<String, Value>) -> Result<Shape, String> {
    Ok(match kind.as_str() {
        Some("null") => Shape::Null,
        Some("boolean") => Shape::Boolean,
        Some("integer" | "number") => Shape::Number,
        Some("string") => match fields.get(kernel::TABLE_OF_ID).and_then(Value::as_str) {
            Some(table) => Shape::Id(table.to_owned()),
            None => Shape::Text,
        },
        Some("array") => array(fields)?,
        Some("object") => object(fields)?,
        _ => return Err(format!("the type {kind}")),
    })
}

fn array(fields: &Map<String, Value>) -> Result<Shape, String> {
    if let Some(places) = fields.get("prefixItems") {
        let places: Result<Vec<_>, _> = list(places)?.iter().map(shape).collect();
        return places.map(Shape::Tuple);
    }
    let of = fields.get("items").map_or(Ok(Shape::Any), shape)?;
    Ok(Shape::List(Box::new(of)))
}

fn object(fields: &Map<String, Value>) -> Result<Shape, String> {
    let none = Map::new();
    let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&none);
    if let Some(page) = page(properties)? {
        return Ok(page);
    }
    let required = fields.get("required").map_or(Ok(&[] as &[Value]), list)?;
    let mut known = Vec::new();
    for (name, schema) in properties {
        let shape = if name == PAGE { Shape::PageOptions } else { shape(schema)? };
        let optional = !required.iter().any(|one| one == name);
        known.push(Field { name: name.clone(), words: words(schema), optional, shape });
    }
    let mut others: Vec<Shape> = Vec::new();
    if let Some(patterns) = fields.get("patternProperties").and_then(Value::as_object) {
        for schema in patterns.values() {
            others.push(shape(schema)?);
        }
    }
    match fields.get("additionalProperties") {
        // Objects are closed on our side, or further fields have no meaning.
        None | Some(Value::Bool(false)) if !known.is_empty() || !others.is_empty() => {}
        Some(Value::Bool(true)) if !known.is_empty() => {}
        Some(Value::Bool(false)) => return Ok(Shape::Object(known)),
        None => others.push(Shape::Any),
        Some(schema) => others.push(shape(schema)?),
    }
    match (known.is_empty(), others.is_empty()) {
        (_, true) => Ok(Shape::Object(known)),
        (true, false) => Ok(Shape::Map(Box::new(Shape::one_of(others)))),
        (false, false) => {
            // Beside an index signature, TypeScript requires the named fields to have the type of the index.
            others.extend(known.iter().map(|field| field.shape.clone()));
            Ok(Shape::All(vec![Shape::Object(known), Shape::Map(Box::new(Shape::one_of(others)))]))
        }
    }
}

/// The fields of `kernel::Page`, which is the page of the Convex clients.
const PAGE_FIELDS: [&str; 5] = ["page", "isDone", "continueCursor", "splitCursor", "pageStatus"];

fn page(properties: &Map<String, Value>) -> Result<Option<Shape>, String> {
    if properties.len() != PAGE_FIELDS.len() || !PAGE_FIELDS.iter().all(|name| properties.contains_key(*name)) {
        return Ok(None);
    }
    let of = shape(&properties["page"]["items"])?;
    Ok(Some(Shape::Page(Box::new(of))))
}

fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| value.to_string())
}
