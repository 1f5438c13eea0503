//! Arguments as flags, derived from their schema.

use clap::{Arg, ArgAction, ArgMatches};
use engine::Description;
use kernel::{Error, Result};
use serde_json::{Map, Value, json};

use super::kebab;

/// Flags that every command has, or that have another meaning here.
const TAKEN: [&str; 7] = ["data", "database-url", "listen", "json", "organization", "help", "version"];
/// The heading of an operation's own flags.
const HEADING: &str = "Arguments";

/// The argument that two separate flags replace.
pub(super) const PAGE: &str = "paginationOpts";
pub(super) const LIMIT: &str = "limit";
pub(super) const CURSOR: &str = "cursor";
/// The number of rows of a page by default.
const ROWS: u32 = 50;

/// The kind of value that an argument takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Text,
    Number,
    Truth,
    Texts,
    Json,
}

/// Returns the flags of an operation.
pub(super) fn of(description: &Description) -> Vec<Arg> {
    let mut flags = Vec::new();
    for (name, schema) in properties(description) {
        if name == PAGE {
            let (limit, cursor) = (Arg::new(LIMIT).long(LIMIT), Arg::new(CURSOR).long(CURSOR));
            flags.push(limit.value_name("N").help("At most so many rows [default: 50]").help_heading(HEADING));
            flags.push(cursor.value_name("CURSOR").help("Behind this place of the list").help_heading(HEADING));
            continue;
        }
        let needed =
            description.arguments["required"].as_array().is_some_and(|all| all.iter().any(|one| *one == **name));
        let help = schema["description"].as_str().unwrap_or_default().to_owned();
        let flag = Arg::new(key(name)).long(long(name)).help(help).help_heading(HEADING);
        flags.push(match takes(schema) {
            Takes::Text => flag.value_name("TEXT").required(needed),
            Takes::Number => flag.value_name("NUMBER").required(needed).allow_negative_numbers(true),
            Takes::Truth => {
                flag.value_name("true|false").num_args(0..=1).default_missing_value("true").required(needed)
            }
            Takes::Texts => flag.value_name("TEXT").action(ArgAction::Append).required(needed),
            Takes::Json => flag.value_name("JSON").required(needed),
        });
    }
    flags
}

/// Reads the arguments from the flags.
///
/// # Errors
/// `BadRequest` when a value does not fit its argument.
pub(super) fn read(description: &Description, matches: &ArgMatches) -> Result<Value> {
    let mut arguments = Map::new();
    for (name, schema) in properties(description) {
        if name == PAGE {
            arguments.insert(name.clone(), page(matches)?);
            continue;
        }
        let Some(given) = matches.get_many::<String>(&key(name)) else { continue };
        let given: Vec<_> = given.cloned().collect();
        arguments.insert(name.clone(), value(name, takes(schema), given)?);
    }
    Ok(Value::Object(arguments))
}

fn properties(description: &Description) -> impl Iterator<Item = (&String, &Value)> {
    description.arguments["properties"].as_object().into_iter().flatten()
}

/// Returns the parser's name of the flag, which no other flag has.
fn key(name: &str) -> String {
    format!("argument {name}")
}

/// Returns the flag as people write it.
fn long(name: &str) -> String {
    let long = kebab(name);
    if TAKEN.contains(&long.as_str()) { format!("argument-{long}") } else { long }
}

/// Returns the options of the page; the first page by default.
fn page(matches: &ArgMatches) -> Result<Value> {
    let flag = |name| matches.try_get_one::<String>(name).ok().flatten();
    let rows = flag(LIMIT).map_or(Ok(ROWS), |rows| rows.parse());
    let rows = rows.map_err(|_| invalid(LIMIT, "a number"))?;
    Ok(json!({ "numItems": rows, "cursor": flag(CURSOR) }))
}

fn value(name: &str, takes: Takes, given: Vec<String>) -> Result<Value> {
    let first = given.first().cloned().unwrap_or_default();
    match takes {
        Takes::Text => Ok(Value::String(first)),
        Takes::Texts => Ok(given.into_iter().map(Value::String).collect()),
        Takes::Number => {
            let number: Option<serde_json::Number> = serde_json::from_str(&first).ok();
            number.map(Value::Number).ok_or_else(|| invalid(name, "a number"))
        }
        Takes::Truth => first.parse().map(Value::Bool).map_err(|_| invalid(name, "true or false")),
        // A word that is not JSON can only be a text.
        Takes::Json => Ok(serde_json::from_str(&first).unwrap_or(Value::String(first))),
    }
}

/// Returns the kind of value of a schema. Null of optional arguments is ignored, because a flag is left out instead.
fn takes(schema: &Value) -> Takes {
    let kinds = &schema["type"];
    let is = |kind: &str| kinds == kind || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind));
    if is("string") || schema["enum"].is_array() {
        Takes::Text
    } else if is("integer") || is("number") {
        Takes::Number
    } else if is("boolean") {
        Takes::Truth
    } else if is("array") && schema["items"]["type"] == "string" {
        Takes::Texts
    } else {
        Takes::Json
    }
}

fn invalid(name: &str, wanted: &str) -> Error {
    Error::bad_request("flag_invalid", format!("--{} takes {wanted}", long(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_its_argument_takes_it() {
        let read = |schema: Value, text: &str| value("x", takes(&schema), vec![text.to_owned()]).unwrap();
        assert_eq!(read(json!({ "type": "string" }), "7"), json!("7"));
        assert_eq!(read(json!({ "type": ["integer", "null"] }), "7"), json!(7));
        assert_eq!(read(json!({ "type": "boolean" }), "false"), json!(false));
        assert_eq!(read(json!({ "type": "array", "items": { "type": "string" } }), "a"), json!(["a"]));
        assert_eq!(read(json!({}), r#"{"a":1}"#), json!({ "a": 1 }));
        assert_eq!(read(json!({ "$ref": "#/components/schemas/Role" }), "admin"), json!("admin"));
        assert!(value("graceMs", Takes::Number, vec!["x".to_owned()]).unwrap_err().message.contains("--grace-ms"));
    }
}
