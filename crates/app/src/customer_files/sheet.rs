//! A file of customers: the meaning of its columns, and the customer that each row would become.

use std::collections::HashMap;

use kernel::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    model::RowError,
    table::{Record, Separator, Table},
};
use crate::{
    Email, Name,
    customers::{NewCustomer, Notes},
    export::unguarded,
};

/// How to read a file where its titles do not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// The title of the column with the names [default: name]
    #[serde(default)]
    pub name_column: Option<String>,
    /// The title of the column with the e-mail addresses [default: email]
    #[serde(default)]
    pub email_column: Option<String>,
    /// The title of the column with the notes [default: notes]
    #[serde(default)]
    pub notes_column: Option<String>,
    /// What to do with a customer that exists already [default: skip]
    #[serde(default)]
    pub duplicates: Duplicates,
}

/// What to do with a customer that exists already, or appears in the file twice. A customer is recognised by the e-mail
/// address, or by the name where there is no address, without regard to upper and lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// The row is left out, and reported among the errors.
    #[default]
    Skip,
    /// The row is imported as another customer.
    Import,
}

/// A file of customers.
pub(super) struct Sheet {
    pub separator: Separator,
    pub columns: Columns,
    pub rows: Vec<SheetRow>,
}

/// A row, and the customer that it would become.
pub(super) struct SheetRow {
    pub line: i64,
    pub customer: Result<NewCustomer, Vec<RowError>>,
}

impl Sheet {
    /// Parses a file. The same text is always parsed in the same way.
    ///
    /// # Errors
    /// `BadRequest` when the text cannot be split into rows and columns.
    pub(super) fn read(text: &str, reading: &Reading) -> Result<Self> {
        let table = Table::read(text)?;
        let columns = Columns::of(&table.head, reading)?;
        let mut first_lines = HashMap::new();
        let rows = table.records.iter().map(|record| {
            let mut row = SheetRow { line: record.line, customer: columns.read(record) };
            if reading.duplicates == Duplicates::Skip {
                row.refuse_repeated(&mut first_lines);
            }
            row
        });
        Ok(Self { separator: table.separator, rows: rows.collect(), columns })
    }
}

impl SheetRow {
    /// Rejects rows that repeat a customer of an earlier row.
    fn refuse_repeated(&mut self, first_lines: &mut HashMap<String, i64>) {
        let Ok(customer) = &self.customer else { return };
        match first_lines.get(&customer.recognised_by()) {
            Some(first) => {
                let message = format!("the same customer stands on line {first}: leave one of them out");
                self.customer = Err(vec![RowError::new(self.line, None, "duplicate_in_file", message)]);
            }
            None => {
                first_lines.insert(customer.recognised_by(), self.line);
            }
        }
    }
}

/// The positions of the columns that are imported.
pub(super) struct Columns {
    count: usize,
    pub name: Column,
    pub email: Option<Column>,
    pub notes: Option<Column>,
    /// The titles of the columns that are not imported.
    pub ignored: Vec<String>,
}

/// A column.
pub(super) struct Column {
    at: usize,
    /// The title in the file.
    pub title: String,
}

/// The usual titles of the columns, for files whose columns are not named in the request.
const NAMES: &[&str] = &["name", "customer", "customer name", "company", "company name"];
const EMAILS: &[&str] = &["email", "e-mail", "mail", "email address", "e-mail address"];
const NOTES: &[&str] = &["notes", "note", "comment", "comments"];

impl Columns {
    fn of(head: &[String], reading: &Reading) -> Result<Self> {
        let name = find(head, reading.name_column.as_deref(), NAMES)?.ok_or_else(|| nameless(head))?;
        let email = find(head, reading.email_column.as_deref(), EMAILS)?;
        let notes = find(head, reading.notes_column.as_deref(), NOTES)?;
        let used: Vec<_> =
            [Some(&name), email.as_ref(), notes.as_ref()].into_iter().flatten().map(|one| one.at).collect();
        let ignored = head.iter().enumerate().filter(|(at, title)| !used.contains(at) && !title.is_empty());
        let ignored = ignored.map(|(_, title)| title.clone()).collect();
        Ok(Self { count: head.len(), name, email, notes, ignored })
    }

    /// Returns the customer that a row would become, or everything that is wrong with it.
    fn read(&self, record: &Record) -> Result<NewCustomer, Vec<RowError>> {
        if record.fields.iter().skip(self.count).any(|field| !field.trim().is_empty()) {
            let (has, takes) = (record.fields.len(), self.count);
            let message = format!(
                "the row has {has} fields and the first line names {takes} columns: put a field with a separator into quotes"
            );
            return Err(vec![RowError::new(record.line, None, "fields_too_many", message)]);
        }
        let mut errors = Vec::new();
        let mut note = |(column, error): (&Column, Error)| {
            errors.push(RowError::of_field(record.line, column, record.field(column), &error));
        };
        let name = Name::parse(record.field(&self.name)).map_err(|error| note((&self.name, error)));
        let email = optional(record, self.email.as_ref(), Email::parse).map_err(&mut note);
        let notes = optional(record, self.notes.as_ref(), Notes::parse).map_err(&mut note);
        match (name, email, notes) {
            (Ok(name), Ok(email), Ok(notes)) => Ok(NewCustomer { name, email, notes }),
            _ => Err(errors),
        }
    }
}

impl Record {
    /// Returns the field of a column; empty when the row is shorter.
    fn field(&self, column: &Column) -> &str {
        self.fields.get(column.at).map_or("", |field| unguarded(field))
    }
}

/// Parses a field that may be empty.
fn optional<'c, T>(
    record: &Record,
    column: Option<&'c Column>,
    parse: fn(&str) -> Result<T>,
) -> Result<Option<T>, (&'c Column, Error)> {
    let Some(column) = column else { return Ok(None) };
    let field = record.field(column);
    if field.trim().is_empty() {
        return Ok(None);
    }
    parse(field).map(Some).map_err(|error| (column, error))
}

/// Finds the column that the request names, or one with a usual title.
fn find(head: &[String], wanted: Option<&str>, usual: &[&str]) -> Result<Option<Column>> {
    let is = |title: &String| {
        let title = title.to_lowercase();
        wanted.map_or_else(|| usual.contains(&title.as_str()), |wanted| title == wanted.trim().to_lowercase())
    };
    let mut found = head.iter().enumerate().filter(|(_, title)| is(title));
    match (found.next(), found.next(), wanted) {
        (Some((at, title)), None, _) => Ok(Some(Column { at, title: title.clone() })),
        (Some((_, one)), Some((_, other)), _) => Err(Error::bad_request(
            "csv_columns",
            format!("the columns {one:?} and {other:?} mean the same: rename one of them, or say which one is meant"),
        )),
        (None, _, None) => Ok(None),
        (None, _, Some(wanted)) => Err(Error::bad_request(
            "csv_columns",
            format!("there is no column {wanted:?}: the first line names {}", titles(head)),
        )),
    }
}

fn nameless(head: &[String]) -> Error {
    let message = format!(
        "no column is called name: the first line names {}; call one of them name, or say with nameColumn which it is",
        titles(head)
    );
    Error::bad_request("csv_columns", message)
}

/// Returns the titles of the columns, as many as fit into a sentence.
fn titles(head: &[String]) -> String {
    let shown: Vec<_> = head.iter().take(8).map(|title| format!("{:?}", super::model::cut(title))).collect();
    let more = if head.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Sheet {
        Sheet::read(text, &Reading::default()).unwrap()
    }

    fn codes(text: &str) -> Vec<(i64, String)> {
        let errors = sheet(text).rows.into_iter().filter_map(|row| row.customer.err()).flatten();
        errors.map(|error| (error.line, error.code)).collect()
    }

    #[test]
    fn columns_are_found_by_their_names_in_any_order_and_case() {
        let read = sheet("Phone;E-Mail;NAME\n+49;ada@acme.example; Acme \n");
        let customer = read.rows[0].customer.as_ref().unwrap();
        assert_eq!(
            (customer.name.as_str(), customer.email.as_ref().map(Email::as_str)),
            ("Acme", Some("ada@acme.example"))
        );
        assert_eq!(read.columns.ignored, ["Phone"]);
        let reading = Reading { name_column: Some("firma".to_owned()), ..Reading::default() };
        let named = Sheet::read("Firma,Name\nAcme,Ada\n", &reading).unwrap();
        assert_eq!(named.rows[0].customer.as_ref().unwrap().name.as_str(), "Acme");
    }

    #[test]
    fn a_first_line_that_names_no_column_says_what_it_has() {
        let message = |text: &str, reading: &Reading| Sheet::read(text, reading).err().unwrap().message.into_owned();
        let none = Reading::default();
        assert!(message("Acme,ada@acme.example\nBolt,\n", &none).contains("names \"Acme\", \"ada@acme.example\""));
        assert!(message("name,Company\na,b\n", &none).contains("\"name\" and \"Company\" mean the same"));
        let wanted = Reading { email_column: Some("Post".to_owned()), ..Reading::default() };
        assert!(message("name\na\n", &wanted).contains("there is no column \"Post\""));
    }

    #[test]
    fn each_thing_that_is_wrong_with_a_row_is_named_with_its_line() {
        let text = "name,email,notes\n,x@,\nAcme,ada@acme.example,fine\nB,b@b.example,c,d\nacme 2,ADA@acme.example\nBolt\nbolt\n";
        let expected = [
            (2, "name_invalid"),
            (2, "email_invalid"),
            (4, "fields_too_many"),
            (5, "duplicate_in_file"),
            (7, "duplicate_in_file"),
        ];
        assert_eq!(codes(text), expected.map(|(line, code)| (line, code.to_owned())));
    }

    #[test]
    fn what_was_guarded_from_spreadsheets_is_read_as_it_was() {
        let read = sheet("name,notes\n'=Acme,'- one\n");
        let customer = read.rows[0].customer.as_ref().unwrap();
        assert_eq!((customer.name.as_str(), customer.notes.as_ref().map(Notes::as_str)), ("=Acme", Some("- one")));
    }
}
