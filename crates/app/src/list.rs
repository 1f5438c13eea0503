//! Lists that are answered in one piece.

use kernel::{Error, Result};

/// The greatest number of rows in an answer. Longer lists are read in pages.
const MOST: usize = 1000;
/// One row more than an answer may have, which shows that there are too many.
pub(crate) const LIMIT: i64 = 1001;

/// Returns the whole list, which was read with [`LIMIT`].
///
/// # Errors
/// `BadRequest` when it is too long; `page` is the operation that answers it in pages.
pub(crate) fn whole<T>(rows: Vec<T>, page: &'static str) -> Result<Vec<T>> {
    if rows.len() <= MOST {
        return Ok(rows);
    }
    Err(Error::bad_request("list_too_long", format!("there are more than {MOST} rows: read them in parts with {page}"))
        .context("operation", page))
}
