//! An import of customers, and what was wrong with rows of its file.

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

/// A file of customers that is or was imported, and how far that has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerImport {
    /// `imp_…`
    #[serde(rename = "_id")]
    pub id: ImportId,
    /// When it began.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// What the file is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Who began it.
    pub started_by: String,
    /// Where it stands.
    pub status: ImportStatus,
    /// Rows of the file.
    pub rows: i64,
    /// Rows that were worked off.
    pub done: i64,
    /// Rows that became customers.
    pub imported: i64,
    /// Rows that did not. Why is in `customers:pageImportErrors`.
    pub rejected: i64,
    /// When it moved for the last time.
    pub updated_at: Time,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportStatus {
    /// It is worked off, or waits for that.
    Running,
    /// All rows were worked off.
    Done,
    /// Somebody stopped it. What was imported until then stays.
    Cancelled,
}

impl ImportStatus {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// `Internal` when it is none: then the database holds what nobody wrote.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let all = [Self::Running, Self::Done, Self::Cancelled];
        let found = all.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| Error::internal("import_status", format!("there is no status {text} of an import")))
    }
}

/// Lists of imports begin with the newest.
impl Placed for CustomerImport {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// Why a row does not become a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowError {
    /// The line of the file on which the row begins, counted from 1.
    pub line: i64,
    /// The column, as the file calls it, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// A stable name for programs, such as `email_invalid`.
    pub code: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl RowError {
    pub(super) fn new(line: i64, column: Option<&str>, code: &str, message: impl Into<String>) -> Self {
        Self { line, column: column.map(ToOwned::to_owned), code: code.to_owned(), message: message.into() }
    }

    /// What is wrong with a field.
    pub(super) fn of_field(line: i64, column: &Column, field: &str, error: &Error) -> Self {
        let message = match field.trim() {
            "" => format!("it is empty: {}", error.message),
            field => format!("{:?}: {}", cut(field), error.message),
        };
        Self::new(line, Some(&column.title), error.tag, message)
    }

    /// What is wrong with a row as a whole.
    pub(super) fn of_row(line: i64, error: &Error) -> Self {
        Self::new(line, None, error.tag, error.message.as_ref())
    }

    /// The customer is there already.
    pub(super) fn known(line: i64) -> Self {
        let message = "a customer with this e-mail address, or with this name and without one, is there already: \
                       leave the row out, or import duplicates too";
        Self::new(line, None, "customer_exists", message)
    }
}

/// An error of an import that is kept, with its place among those of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptError {
    pub place: String,
    pub error: RowError,
}

/// Lists of errors begin with the first line.
impl Placed for KeptError {
    fn place(&self) -> Place {
        Place(vec![self.error.line.into(), self.place.clone().into()])
    }
}

/// As much of a text as fits into a sentence.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Says that there is no such import in this organization.
pub(super) fn unknown(import: &ImportId) -> Error {
    Error::not_found("import_not_found", "there is no such import").context("import_id", import.as_str())
}
