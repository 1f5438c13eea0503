//! Prints the answers of commands: tables for people, JSON lines for scripts.

#![expect(clippy::print_stderr, reason = "commands talk to the terminal, here and only here")]

use std::io::{self, Write};

use kernel::{Error, Result};
use serde::Serialize;
use serde_json::Value;

/// Prints a line. A closed standard output, as behind `head`, is ignored.
pub(crate) fn say(line: impl std::fmt::Display) {
    if writeln!(io::stdout().lock(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Prints bytes as they are.
pub(crate) fn write(content: &[u8]) {
    if io::stdout().lock().write_all(content).is_err() {
        std::process::exit(0);
    }
}

/// Prints a note for the user to standard error, which is not part of the answer.
pub(crate) fn note(line: impl std::fmt::Display) {
    eprintln!("{line}");
}

/// Prints an error: its message, then its facts.
pub(crate) fn complain(error: &Error) {
    eprintln!("error: {}", error.message);
    for (name, value) in error.facts() {
        eprintln!("  {name}: {value}");
    }
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        eprintln!("  because: {}", kernel::mask(&error.to_string()));
        cause = error.source();
    }
}

/// Prints rows: each as one line of JSON, or all as a table of these columns.
pub(crate) fn rows<T: Serialize>(json: bool, columns: &[&str], rows: &[T]) -> Result<()> {
    let unprintable = |error| Error::internal("unprintable", "a row cannot be printed").source(error);
    let values = rows.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(unprintable)?;
    if json {
        values.iter().for_each(say);
    } else if values.is_empty() {
        say("none");
    } else {
        table(columns, &values);
    }
    Ok(())
}

/// Longer cells are cut, except in the last column.
const CELL: usize = 40;

fn table(columns: &[&str], rows: &[Value]) {
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|column| text(column, &row[*column])).collect()).collect();
    let cells: Vec<Vec<String>> = cells.into_iter().map(cut_all_but_the_last).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| cells.iter().map(|row| row[at].chars().count()).chain([columns[at].len()]).max().unwrap_or(0))
        .collect();
    line(&columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>(), &widths);
    for row in &cells {
        line(row, &widths);
    }
}

fn line(cells: &[String], widths: &[usize]) {
    let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    say(padded.join("  ").trim_end());
}

/// Formats a value. Times are stored in milliseconds and printed as dates.
pub(crate) fn text(column: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(['\n', '\r', '\t'], " "),
        Value::Number(number) if is_moment(column) => {
            number.as_i64().map_or_else(|| number.to_string(), |ms| kernel::Time::from_ms(ms).to_string())
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

fn cut_all_but_the_last(mut cells: Vec<String>) -> Vec<String> {
    let last = cells.len().saturating_sub(1);
    for cell in &mut cells[..last] {
        if let Some((cut, _)) = cell.char_indices().nth(CELL) {
            cell.truncate(cut);
            cell.push('…');
        }
    }
    cells
}

fn is_moment(column: &str) -> bool {
    column == "_creationTime" || ["At", "Start", "End"].iter().any(|end| column.ends_with(end))
}
