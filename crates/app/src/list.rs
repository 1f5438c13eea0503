//! Lists that are shown whole.

use kernel::{Error, Result};

/// Rows that an answer may have. Longer lists are read in parts.
const MOST: usize = 1000;
/// As many as an answer may have and one more, which tells that there are too many.
pub(crate) const LIMIT: i64 = 1001;

/// The whole list, which was read with [`LIMIT`].
///
/// # Errors
/// `BadRequest` when it is too long; `page` is the operation that shows it in parts.
pub(crate) fn whole<T>(rows: Vec<T>, page: &'static str) -> Result<Vec<T>> {
    if rows.len() <= MOST {
        return Ok(rows);
    }
    Err(Error::bad_request("list_too_long", format!("there are more than {MOST} rows: read them in parts with {page}"))
        .context("operation", page))
}
