//! One operation: its parameters, its body, its answers.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use engine::{Description, Kind, Method};
use kernel::{Access, Code, Role};
use serde_json::{Map, Value, json};

use super::{components, schema};
use crate::{
    problem::{CODES, status},
    rest::{PAGE, PAGE_SIZE, ValueType},
};

/// Returns the module of an operation.
pub(super) fn tag(description: &Description) -> &'static str {
    description.name.split(':').next().unwrap_or(description.name)
}

pub(super) fn describe(description: &Description, definitions: &Map<String, Value>) -> Value {
    let mut operation = json!({
        "operationId": description.name,
        "tags": [tag(description)],
        "summary": first_sentence(&description.summary),
        "description": format!("{}\n\n{}", description.summary, for_whom(description.access)).trim_start(),
        "security": security(description.access),
        "parameters": parameters(description, definitions),
        "responses": responses(description),
    });
    if description.route.method != Method::Get
        && let Some(body) = body(description)
    {
        operation["requestBody"] = body;
    }
    operation
}

fn first_sentence(summary: &str) -> String {
    let line = summary.lines().next().unwrap_or_default();
    let end = line.find(". ").unwrap_or(line.len());
    line[..end].trim_end_matches('.').to_owned()
}

/// Returns the description of an access for people.
pub(crate) fn for_whom(access: Access) -> String {
    match access {
        Access::Public => "Anyone may call it.".to_owned(),
        Access::SignedIn => "For signed-in callers.".to_owned(),
        Access::Roles(roles) => {
            let names: Vec<_> = roles.iter().map(Role::as_str).collect();
            format!("Roles: {}.", names.join(", "))
        }
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([{}, { "token": [] }, { "apiKey": [] }]),
        Access::SignedIn | Access::Roles(_) => json!([{ "token": [] }, { "apiKey": [] }]),
    }
}

fn parameters(description: &Description, definitions: &Map<String, Value>) -> Vec<Value> {
    let in_path: Vec<_> = description.route.parameters().collect();
    let required = required(description);
    let mut parameters = Vec::new();
    for name in &in_path {
        let of = properties(description).and_then(|properties| properties.get(*name));
        let mut parameter = json!({ "name": name, "in": "path", "required": true });
        fill(&mut parameter, of.unwrap_or(&json!({ "type": "string" })), definitions);
        parameters.push(parameter);
    }
    if description.route.method == Method::Get {
        let others = properties(description).into_iter().flatten();
        for (name, schema) in others.filter(|(name, _)| !in_path.contains(&name.as_str())) {
            if name == PAGE {
                parameters.extend(page_parameters());
                continue;
            }
            let mut parameter = json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()) });
            fill(&mut parameter, schema, definitions);
            parameters.push(parameter);
        }
        parameters.push(components::parameter("IfNoneMatch"));
    } else if description.kind == Kind::Mutation {
        parameters.push(components::parameter("IdempotencyKey"));
    }
    parameters.push(components::parameter("XOrganization"));
    parameters
}

/// Fills in the content of a parameter. A value that cannot be written as text is JSON.
fn fill(parameter: &mut Value, schema: &Value, definitions: &Map<String, Value>) {
    let mut schema = schema::without_null(schema);
    if let Some(fields) = schema.as_object_mut()
        && let Some(words) = fields.remove("description")
    {
        parameter["description"] = words;
    }
    if ValueType::of(&schema, definitions) == ValueType::Json {
        parameter["content"] = json!({ "application/json": { "schema": schema } });
    } else {
        parameter["schema"] = schema;
    }
}

fn page_parameters() -> [Value; 3] {
    let cursor = json!({ "type": "string" });
    let size = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": PAGE_SIZE });
    let parameter = |name: &str, schema: &Value, words: &str| json!({ "name": name, "in": "query", "required": false, "description": words, "schema": schema });
    [
        parameter("numItems", &size, "At most so many rows."),
        parameter("cursor", &cursor, "The `continueCursor` of the page before; the first page without it."),
        parameter("endCursor", &cursor, "Up to this place; then `numItems` does not matter."),
    ]
}

fn body(description: &Description) -> Option<Value> {
    let in_path: Vec<_> = description.route.parameters().collect();
    let mut schema = description.arguments.clone();
    let fields = schema.as_object_mut()?;
    fields.remove("title");
    fields.remove("description");
    fields.insert("additionalProperties".to_owned(), Value::Bool(false));
    let properties = fields.get_mut("properties")?.as_object_mut()?;
    properties.retain(|name, _| !in_path.contains(&name.as_str()));
    if properties.is_empty() {
        return None;
    }
    let required: Vec<_> = required(description).into_iter().filter(|name| !in_path.contains(name)).collect();
    let needed = !required.is_empty();
    if needed {
        fields.insert("required".to_owned(), json!(required));
    } else {
        fields.remove("required");
    }
    Some(json!({ "required": needed, "content": { "application/json": { "schema": schema } } }))
}

fn properties(description: &Description) -> Option<&Map<String, Value>> {
    description.arguments["properties"].as_object()
}

fn required(description: &Description) -> Vec<&str> {
    description.arguments["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn responses(description: &Description) -> Value {
    let mut headers = vec!["RateLimit", "RateLimit-Policy", "X-Request-Id"];
    let reads = description.route.method == Method::Get;
    if reads {
        headers.push("ETag");
    }
    let headers: Map<String, Value> =
        headers.into_iter().map(|name| (name.to_owned(), components::header(name))).collect();
    let mut responses = Map::new();
    let content = json!({ "application/json": { "schema": schema::object(&description.output) } });
    responses.insert(
        "200".to_owned(),
        json!({ "description": "The answer.", "headers": headers.clone(), "content": content }),
    );
    if reads {
        let words = "The answer is the one that `If-None-Match` names.";
        responses.insert("304".to_owned(), json!({ "description": words, "headers": headers }));
    }
    for status in problems(description).into_values() {
        responses.insert(status.as_str().to_owned(), components::problem(status));
    }
    Value::Object(responses)
}

/// Returns the statuses of everything that can go wrong.
fn problems(description: &Description) -> BTreeMap<u16, StatusCode> {
    // Only actions reach vendors.
    let may_happen = CODES.into_iter().filter(|code| *code != Code::Vendor || description.kind == Kind::Action);
    let mut statuses: Vec<_> = may_happen.map(status).collect();
    statuses.push(StatusCode::UNPROCESSABLE_ENTITY);
    if description.route.method != Method::Get {
        statuses.extend([
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ]);
    }
    statuses.into_iter().map(|status| (status.as_u16(), status)).collect()
}
