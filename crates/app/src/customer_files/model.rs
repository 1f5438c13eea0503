//! An import of customers, and the errors in rows of its file.

use engine::{Place, Placed};
use kernel::{Error, Id, Result, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sheet::Column;

kernel::id_prefix! {
    /// The kind of id of an import of customers.
    pub ImportPrefix = "imp" in "customerImports"
}

/// The id of an import of customers.
pub type ImportId = Id<ImportPrefix>;

/// An import of customers from a file, and its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerImport {
    /// `imp_…`
    #[serde(rename = "_id")]
    pub id: ImportId,
    /// When the import began.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The name of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The caller who began the import.
    pub started_by: String,
    /// The status.
    pub status: ImportStatus,
    /// The number of rows in the file.
    pub rows: i64,
    /// The number of rows that were processed.
    pub done: i64,
    /// The number of rows that became customers.
    pub imported: i64,
    /// The number of rows that were rejected. The reasons are in `customers:pageImportErrors`.
    pub rejected: i64,
    /// When the import last made progress.
    pub updated_at: Time,
    /// When the import ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// The status of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportStatus {
    /// Rows are being processed, or wait for it.
    Running,
    /// All rows were processed.
    Done,
    /// The import was stopped. Customers that were imported before stay.
    Cancelled,
}

impl ImportStatus {
    /// Returns the name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Parses a name from the database.
    ///
    /// # Errors
    /// `Internal` when the text is no status.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let all = [Self::Running, Self::Done, Self::Cancelled];
        let found = all.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| Error::internal("import_status", format!("there is no status {text} of an import")))
    }
}

/// Lists of imports are sorted newest first.
impl Placed for CustomerImport {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// The reason why a row does not become a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowError {
    /// The line of the file on which the row begins, counted from 1.
    pub line: i64,
    /// The title of the column, where the error is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// A stable name for programs, such as `email_invalid`.
    pub code: String,
    /// What is wrong, and how to correct it.
    pub message: String,
}

impl RowError {
    pub(super) fn new(line: i64, column: Option<&str>, code: &str, message: impl Into<String>) -> Self {
        Self { line, column: column.map(ToOwned::to_owned), code: code.to_owned(), message: message.into() }
    }

    /// An error in a field.
    pub(super) fn of_field(line: i64, column: &Column, field: &str, error: &Error) -> Self {
        let message = match field.trim() {
            "" => format!("it is empty: {}", error.message),
            field => format!("{:?}: {}", cut(field), error.message),
        };
        Self::new(line, Some(&column.title), error.tag, message)
    }

    /// An error in a row as a whole.
    pub(super) fn of_row(line: i64, error: &Error) -> Self {
        Self::new(line, None, error.tag, error.message.as_ref())
    }

    /// The error for a customer that exists already.
    pub(super) fn known(line: i64) -> Self {
        let message = "a customer with this e-mail address, or with this name and without one, is there already: \
                       leave the row out, or import duplicates too";
        Self::new(line, None, "customer_exists", message)
    }
}

/// A stored error of an import, with its position among those of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredError {
    pub place: String,
    pub error: RowError,
}

/// Lists of errors are sorted by line.
impl Placed for StoredError {
    fn place(&self) -> Place {
        Place(vec![self.error.line.into(), self.place.clone().into()])
    }
}

/// Shortens a text to what fits into a sentence.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The error for an import that does not exist in this organization.
pub(super) fn unknown(import: &ImportId) -> Error {
    Error::not_found("import_not_found", "there is no such import").context("import_id", import.as_str())
}
