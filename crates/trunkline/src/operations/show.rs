//! Prints an answer: a table for rows, lines for one object, JSON for scripts.

use kernel::Result;
use serde_json::{Map, Value};

use crate::output;

/// The greatest number of columns of a table.
const COLUMNS: usize = 7;

/// Prints an answer.
pub(super) fn answer(answer: &Value, json: bool) -> Result<()> {
    match answer {
        Value::Array(rows) => table(rows, json),
        Value::Object(fields) if fields.contains_key("page") && fields.contains_key("continueCursor") => {
            let rows = fields["page"].as_array().map(Vec::as_slice).unwrap_or_default();
            table(rows, json)?;
            if fields["isDone"] == false && !json {
                output::say(format_args!("more: --cursor {}", fields["continueCursor"].as_str().unwrap_or_default()));
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) if json => {
            output::say(answer);
            Ok(())
        }
        Value::Object(fields) => {
            lines(fields);
            Ok(())
        }
        Value::Null => {
            output::say("done");
            Ok(())
        }
        Value::String(text) => {
            output::say(text);
            Ok(())
        }
        other @ (Value::Bool(_) | Value::Number(_)) => {
            output::say(other);
            Ok(())
        }
    }
}

fn table(rows: &[Value], json: bool) -> Result<()> {
    let mut columns: Vec<&str> = Vec::new();
    for name in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if columns.len() < COLUMNS && !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    if columns.is_empty() && !json && !rows.is_empty() {
        rows.iter().for_each(output::say);
        return Ok(());
    }
    output::rows(json, &columns, rows)
}

fn lines(fields: &Map<String, Value>) {
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in fields {
        output::say(format_args!("{name:<width$}  {}", output::text(name, value)));
    }
}
