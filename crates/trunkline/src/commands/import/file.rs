//! Reads the file of an import.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use kernel::{Error, Result};

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// `NotFound` when the file does not exist, `BadRequest` when it is not text.
pub(super) fn read(path: &Path) -> Result<String> {
    let bytes = if is_standard_input(path) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.map_err(|error| {
        Error::not_found("file_unreadable", format!("{} cannot be read", path.display())).source(error)
    })?;
    text(path, bytes)
}

/// Returns the name of the file, for the list of imports.
pub(super) fn name(path: &Path) -> Option<String> {
    let name = path.file_name().filter(|_| !is_standard_input(path))?;
    Some(name.to_string_lossy().chars().filter(|c| !c.is_control()).take(200).collect())
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String> {
    let path = path.display();
    let message = match bytes.as_slice() {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            format!("{path} is UTF-16 text: save it as UTF-8 (in Excel: CSV UTF-8) and import it again")
        }
        [b'P', b'K', 3, 4, ..] => format!("{path} is a workbook: save its sheet as CSV UTF-8 and import that"),
        _ => match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(error) => {
                let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                format!(
                    "{path} is not UTF-8 on line {line}: save it as UTF-8 (in Excel: CSV UTF-8) and import it again"
                )
            }
        },
    };
    Err(Error::bad_request("csv_encoding", message))
}
