//! The schemas of arguments as they are deserialized, and of answers as they are serialized. The two can differ for a
//! type: a field with a default may be absent in arguments, and is always present in an answer.

use std::collections::BTreeSet;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The prefix of references.
const DEFINITIONS: &str = "/components/schemas";

/// Collects schemas while operations are registered.
pub(super) struct Schemas {
    arguments: SchemaGenerator,
    outputs: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = DEFINITIONS.into();
            settings.meta_schema = None;
        });
        Self { arguments: settings.clone().into_generator(), outputs: settings.for_serialize().into_generator() }
    }

    /// Returns the schema of arguments, which is an object.
    pub(super) fn arguments<A: JsonSchema>(&mut self) -> Value {
        A::json_schema(&mut self.arguments).to_value()
    }

    /// Returns the schema of an answer.
    pub(super) fn output<O: JsonSchema>(&mut self) -> Value {
        let mut output = self.outputs.subschema_for::<O>().to_value();
        absent_is_not_null(&mut output);
        output
    }

    /// Returns the definitions that all schemas refer to. Where a type differs between arguments and answers, the one
    /// for arguments is called `…Input`, and references to it are changed.
    pub(super) fn definitions<'a>(&self, arguments: impl Iterator<Item = &'a mut Value>) -> Map<String, Value> {
        let mut definitions = self.outputs.definitions().clone();
        definitions.values_mut().for_each(absent_is_not_null);
        let read = self.arguments.definitions();
        let different = different(read, &definitions);
        arguments.for_each(|schema| rename(schema, &different));
        for (name, schema) in read {
            let mut schema = schema.clone();
            rename(&mut schema, &different);
            let name = if different.contains(name) { input(name) } else { name.clone() };
            definitions.insert(name, schema);
        }
        definitions.sort_keys();
        definitions
    }
}

/// Returns the names whose definitions differ between `read` and `written`, in themselves or in what they refer to.
fn different(read: &Map<String, Value>, written: &Map<String, Value>) -> BTreeSet<String> {
    let mut different = BTreeSet::new();
    loop {
        let is_new = |name: &&String| {
            let (Some(one), Some(other)) = (read.get(*name), written.get(*name)) else { return false };
            !different.contains(*name) && (one != other || refers(one, &different))
        };
        let more: Vec<_> = read.keys().filter(is_new).cloned().collect();
        if more.is_empty() {
            return different;
        }
        different.extend(more);
    }
}

fn refers(schema: &Value, names: &BTreeSet<String>) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("$ref").and_then(name).is_some_and(|name| names.contains(name))
                || fields.values().any(|value| refers(value, names))
        }
        Value::Array(values) => values.iter().any(|value| refers(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn rename(schema: &mut Value, names: &BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(reference) = fields.get_mut("$ref")
                && let Some(name) = name(reference).filter(|name| names.contains(*name))
            {
                *reference = format!("#{DEFINITIONS}/{}", input(name)).into();
            }
            fields.values_mut().for_each(|value| rename(value, names));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn name(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix('#')?.strip_prefix(DEFINITIONS)?.strip_prefix('/')
}

fn input(name: &str) -> String {
    format!("{name}Input")
}

/// Removes null from optional fields of an answer, which are left out instead of being null.
fn absent_is_not_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let required = fields.get("required").cloned().unwrap_or_default();
            let is_required = |name: &String| required.as_array().is_some_and(|all| all.iter().any(|one| one == name));
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                properties.iter_mut().filter(|(name, _)| !is_required(name)).for_each(|(_, field)| never_null(field));
            }
            fields.values_mut().for_each(absent_is_not_null);
        }
        Value::Array(values) => values.iter_mut().for_each(absent_is_not_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes null from the values that a schema allows.
pub fn never_null(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
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
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Shelf {
        #[serde(default)]
        books: Vec<Book>,
        owner: Name,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Book {
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<Name>,
        pages: Option<u32>,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Name(String);

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Put {
        shelf: Shelf,
    }

    #[test]
    fn a_type_that_is_read_otherwise_than_it_is_written_has_two_names() {
        let mut schemas = Schemas::new();
        let mut arguments = schemas.arguments::<Put>();
        assert_eq!(schemas.output::<Shelf>(), json!({ "$ref": "#/components/schemas/Shelf" }));
        let definitions = schemas.definitions([&mut arguments].into_iter());
        assert_eq!(arguments["properties"]["shelf"], json!({ "$ref": "#/components/schemas/ShelfInput" }));
        let names: Vec<_> = definitions.keys().collect();
        assert_eq!(names, ["Book", "BookInput", "Name", "Shelf", "ShelfInput"]);
        let items = |name: &str| definitions[name]["properties"]["books"]["items"]["$ref"].clone();
        assert_eq!(items("Shelf"), "#/components/schemas/Book");
        assert_eq!(items("ShelfInput"), "#/components/schemas/BookInput");
    }

    #[test]
    fn a_field_of_an_answer_is_left_out_or_null_but_not_both() {
        let mut schemas = Schemas::new();
        schemas.output::<Book>();
        let book = schemas.definitions(std::iter::empty()).remove("Book").unwrap();
        assert_eq!(book["properties"]["title"], json!({ "$ref": "#/components/schemas/Name" }));
        assert_eq!(book["properties"]["pages"]["type"], json!(["integer", "null"]));
        assert_eq!(book["required"], json!(["pages"]));
    }
}
