//! One page of a list, and the options that select it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Selects a page of a list. The field names are those of the Convex clients, which page through live lists with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageOptions {
    /// The greatest number of rows; ignored when `endCursor` is given.
    pub num_items: u32,
    /// The cursor after which the page begins; `null` for the first page.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The cursor at which the page ends.
    #[serde(default)]
    pub end_cursor: Option<String>,
    /// Distinguishes subscriptions to the same page; it has no influence on the answer.
    #[serde(default)]
    pub id: Option<f64>,
    /// Accepted for compatibility with the Convex clients, and ignored.
    #[serde(default)]
    pub maximum_rows_read: Option<u64>,
    /// Accepted for compatibility with the Convex clients, and ignored.
    #[serde(default)]
    pub maximum_bytes_read: Option<u64>,
}

impl PageOptions {
    /// The greatest number of rows of a page.
    pub const MOST: u32 = 1000;

    /// Checks the number of rows.
    ///
    /// # Errors
    /// `BadRequest` when it is zero or greater than [`PageOptions::MOST`].
    pub fn check(&self) -> Result<()> {
        if (1..=Self::MOST).contains(&self.num_items) {
            return Ok(());
        }
        Err(Error::bad_request("page_size", format!("numItems is 1 to {}", Self::MOST)))
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The rows of the page.
    pub page: Vec<T>,
    /// Whether this is the last page.
    pub is_done: bool,
    /// The cursor of the next page; set on the last page too.
    pub continue_cursor: String,
    /// The cursor near the middle of the page, where a page that grew too long can be split in two.
    pub split_cursor: Option<String>,
    /// Whether the page should be split.
    pub page_status: Option<PageStatus>,
}

/// Whether a live page has grown so long that it should be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PageStatus {
    /// The page can be shown; it should be split.
    SplitRecommended,
    /// The page must be split before it is shown.
    SplitRequired,
}
