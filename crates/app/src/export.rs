//! Lists as files, read in parts that are concatenated.

use std::borrow::Cow;

use kernel::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The text.
    pub text: String,
    /// Whether this is the last part.
    pub is_done: bool,
    /// The cursor of the next part.
    pub continue_cursor: String,
}

/// Writes rows as CSV; `head` is the line of column titles, for the first part.
///
/// # Errors
/// `Internal` when the rows cannot be written.
pub(crate) fn csv<const N: usize>(head: Option<&[&str; N]>, rows: impl Iterator<Item = [String; N]>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if let Some(head) = head {
        writer.write_record(head).map_err(unwritable)?;
    }
    for row in rows {
        writer.write_record(row.iter().map(|field| guarded(field).into_owned())).map_err(unwritable)?;
    }
    let bytes = writer.into_inner().map_err(|error| unwritable(error.into_error()))?;
    String::from_utf8(bytes).map_err(unwritable)
}

/// Returns the field with a quote before it when it begins like a formula, which spreadsheets would run.
///
/// A field that begins with quotes gets one more, so that [`unguarded`] restores every text exactly.
pub(crate) fn guarded(field: &str) -> Cow<'_, str> {
    if is_formula(field.trim_start_matches('\'')) { format!("'{field}").into() } else { field.into() }
}

/// Returns a field as it was before [`guarded`].
pub(crate) fn unguarded(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        Some(_) | None => field,
    }
}

fn is_formula(field: &str) -> bool {
    field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

pub(crate) fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("export_unwritable", "the list cannot be written as a file").source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_like_a_formula_and_every_text_comes_back_as_it_was() {
        for text in ["", "Acme", "=1+1", "+49 30", "-", "@SUM(A1)", "\tx", "'=1", "''=1", "'Acme'", "o'clock", "＝1"] {
            let written = guarded(text);
            assert!(!is_formula(&written), "{text:?}");
            assert_eq!(unguarded(&written), text);
        }
        assert_eq!(guarded("=1+1"), "'=1+1");
        assert_eq!(guarded("Acme"), "Acme");
    }
}
