//! CSV as spreadsheets write it: finds the separator, the line of titles, and damaged parts.
//!
//! A damaged file is refused as a whole, because its rows cannot be told apart reliably.

use kernel::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The greatest number of bytes of a file.
pub(super) const LONGEST: usize = 5_000_000;
/// The greatest number of rows of a file.
const MOST_ROWS: usize = 20_000;
/// The greatest number of columns of a file.
const MOST_COLUMNS: usize = 100;

/// A file, split into fields.
pub(super) struct Table {
    pub separator: Separator,
    /// The column titles.
    pub head: Vec<String>,
    /// The rows, without empty ones.
    pub records: Vec<Record>,
}

/// A row, split into fields.
pub(super) struct Record {
    /// The line on which the row begins, counted from 1 as editors do.
    pub line: i64,
    pub fields: Vec<String>,
}

/// The separator between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Separator {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
}

impl Table {
    /// Splits a text into fields.
    ///
    /// # Errors
    /// `BadRequest` when the text is too long, empty, not UTF-8, or damaged.
    pub(super) fn read(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        check_text(text)?;
        let separator = Separator::of(text);
        check_quotes(text, separator)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator.byte())
            .from_reader(text.as_bytes());
        let (mut records, mut lines) = (Vec::new(), Lines { text: text.as_bytes(), at: 0, line: 1 });
        for record in reader.records() {
            let record = record.map_err(|error| broken(&format!("the file cannot be read: {error}")))?;
            if record.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            if records.len() > MOST_ROWS {
                return Err(too_large(&format!("more than {MOST_ROWS} rows")));
            }
            let begin = record.position().map_or(0, csv::Position::byte);
            let line = lines.of_record(usize::try_from(begin).unwrap_or(usize::MAX));
            records.push(Record { line, fields: record.iter().map(ToOwned::to_owned).collect() });
        }
        if records.is_empty() {
            return Err(empty("the file is empty"));
        }
        let head = records.remove(0).fields;
        if head.len() > MOST_COLUMNS {
            return Err(too_large(&format!("more than {MOST_COLUMNS} columns")));
        }
        if records.is_empty() {
            return Err(empty("the file has a line that names its columns, and no rows"));
        }
        Ok(Self { separator, head: head.iter().map(|name| name.trim().to_owned()).collect(), records })
    }
}

impl Separator {
    /// Returns the separator that the first line contains most often, outside of quotes.
    fn of(text: &str) -> Self {
        let mut counts = [(Self::Comma, 0), (Self::Semicolon, 0), (Self::Tab, 0)];
        let mut is_quoted = false;
        for c in text.trim_start().chars() {
            match c {
                '"' => is_quoted = !is_quoted,
                '\n' | '\r' if !is_quoted => break,
                _ if is_quoted => {}
                _ => {
                    for (separator, count) in &mut counts {
                        *count += usize::from(c == char::from(separator.byte()));
                    }
                }
            }
        }
        // Of several that are equally frequent, the first one.
        counts.iter().rev().max_by_key(|(_, count)| *count).map_or(Self::Comma, |(separator, _)| *separator)
    }

    fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// Counts lines as editors do. The CSV reader counts the second half of a line ending as part of the next record.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: i64,
}

impl Lines<'_> {
    /// Returns the line of the record that begins at `begin`, after line endings that are still to be skipped.
    fn of_record(&mut self, begin: usize) -> i64 {
        let rest = self.text.get(begin..).unwrap_or_default();
        let begin = begin + rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.line += ends_of_lines(self.text.get(self.at..begin).unwrap_or_default());
        self.at = begin;
        self.line
    }
}

/// Returns the number of line endings in a text: `\n`, `\r\n` or `\r`.
fn ends_of_lines(text: &[u8]) -> i64 {
    let is_end = |at: usize| match text[at] {
        b'\n' => true,
        b'\r' => text.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    i64::try_from((0..text.len()).filter(|at| is_end(*at)).count()).unwrap_or(i64::MAX)
}

fn check_text(text: &str) -> Result<()> {
    if text.len() > LONGEST {
        return Err(too_large(&format!("more than {} MB", LONGEST / 1_000_000)));
    }
    // These characters are what a wrong decoding leaves behind.
    if text.contains('\0') || text.contains('\u{fffd}') {
        let message = "the file is not UTF-8 text: save it as UTF-8 (in Excel: CSV UTF-8) and import it again";
        return Err(Error::bad_request("csv_encoding", message));
    }
    Ok(())
}

/// Refuses a quote that is never closed, which would silently swallow the rest of the file.
fn check_quotes(text: &str, separator: Separator) -> Result<()> {
    enum At {
        FieldStart,
        Plain,
        Quoted,
        /// After a quote in a quoted field: the field ends, or a second quote follows and both mean one.
        Quote,
    }
    let line = |byte: usize| 1 + ends_of_lines(&text.as_bytes()[..byte]);
    let (mut at, mut opened) = (At::FieldStart, 0);
    for (byte, c) in text.char_indices() {
        let ends_field = c == '\n' || c == '\r' || c == char::from(separator.byte());
        at = match at {
            At::Quoted if c == '"' => At::Quote,
            At::Quoted => At::Quoted,
            At::Quote if c == '"' => At::Quoted,
            At::FieldStart if c == '"' => {
                opened = byte;
                At::Quoted
            }
            At::FieldStart | At::Plain | At::Quote if ends_field => At::FieldStart,
            At::FieldStart | At::Plain => At::Plain,
            At::Quote => {
                let line = line(byte);
                return Err(broken(&format!(
                    "line {line}: text stands behind a closing quote: write a quote in a quoted field twice"
                )));
            }
        };
    }
    match at {
        At::Quoted => Err(broken(&format!(
            "line {}: the quote that opens a field is never closed: close it, and write quotes in the field twice",
            line(opened)
        ))),
        At::FieldStart | At::Plain | At::Quote => Ok(()),
    }
}

fn broken(message: &str) -> Error {
    Error::bad_request("csv_broken", message.to_owned())
}

fn empty(what: &str) -> Error {
    let message = format!("{what}: begin with a line such as name,email,notes and write one customer on each line");
    Error::bad_request("csv_empty", message)
}

fn too_large(what: &str) -> Error {
    Error::bad_request(
        "csv_too_large",
        format!("the file has {what}: cut it into several files, each with the first line"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<Vec<String>> {
        Table::read(text).unwrap().records.into_iter().map(|record| record.fields).collect()
    }

    fn tag(text: &str) -> &'static str {
        Table::read(text).err().expect("it is refused").tag
    }

    #[test]
    fn the_sign_between_fields_is_the_one_that_the_first_line_has_most_of() {
        for (text, separator) in [
            ("name,email\na,b", Separator::Comma),
            ("name;email\na;b", Separator::Semicolon),
            ("name\temail\na\tb", Separator::Tab),
            ("name\nAcme, Inc.", Separator::Comma),
            ("\"name, or so\";email;notes\na;b;c", Separator::Semicolon),
            ("\n\nname;email\na;b", Separator::Semicolon),
        ] {
            assert_eq!(Table::read(text).unwrap().separator, separator, "{text}");
        }
    }

    #[test]
    fn quoted_fields_hold_separators_lines_and_quotes_and_rows_know_their_line() {
        let text = "\u{feff}name,notes\r\n\"Acme, \"\"Inc\"\"\",\"one\r\ntwo\"\r\n,\r\n\r\nBolt,5\" disk\r\n";
        assert_eq!(fields(text), [["Acme, \"Inc\"", "one\r\ntwo"], ["Bolt", "5\" disk"]]);
        let lines: Vec<_> = Table::read(text).unwrap().records.iter().map(|record| record.line).collect();
        assert_eq!(lines, [2, 6]);
        let macintosh = Table::read("name\rAcme\r\rBolt\r").unwrap();
        assert_eq!(macintosh.records.iter().map(|record| record.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_file_that_nobody_can_read_is_refused() {
        assert_eq!(tag(""), "csv_empty");
        assert_eq!(tag("\n , \n"), "csv_empty");
        assert_eq!(tag("name,email\n"), "csv_empty");
        assert_eq!(tag("name\nAc\u{fffd}me"), "csv_encoding");
        assert_eq!(tag("n\0a\0m\0e\0"), "csv_encoding");
        assert_eq!(tag("name\n\"Acme\nBolt\n"), "csv_broken");
        assert_eq!(tag("name\n\"Acme\" Inc\n"), "csv_broken");
        assert_eq!(tag(&format!("name\n{}", "x".repeat(LONGEST))), "csv_too_large");
        assert_eq!(tag(&format!("name\n{}", "Acme\n".repeat(MOST_ROWS + 1))), "csv_too_large");
        assert_eq!(tag(&format!("name{}\nAcme", ",".repeat(MOST_COLUMNS))), "csv_too_large");
        assert!(Table::read(&format!("name\n{}", "Acme\n".repeat(MOST_ROWS))).is_ok());
        let error = Table::read("name\nAcme\n\"Bolt\n").err().unwrap();
        assert!(error.message.starts_with("line 3: the quote that opens a field is never closed"), "{error}");
    }
}
