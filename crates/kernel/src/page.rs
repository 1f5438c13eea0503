//! A part of a long list, and how to ask for the next one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which part of a list. The field names are those of the Convex clients, which page through live lists with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageOptions {
    /// At most so many rows; without a meaning when `endCursor` is given.
    pub num_items: u32,
    /// Behind this place; the beginning when it is absent.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Up to this place.
    #[serde(default)]
    pub end_cursor: Option<String>,
    /// Makes subscriptions distinct that ask for the same; it says nothing.
    #[serde(default)]
    pub id: Option<f64>,
    /// Accepted, because clients send it.
    #[serde(default)]
    pub maximum_rows_read: Option<u64>,
    /// Accepted, because clients send it.
    #[serde(default)]
    pub maximum_bytes_read: Option<u64>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The rows.
    pub page: Vec<T>,
    /// Whether nothing follows.
    pub is_done: bool,
    /// Where the next part begins; a text also at the end.
    pub continue_cursor: String,
    /// A place near the middle, where a part that grew long can be cut in two.
    pub split_cursor: Option<String>,
    /// Whether it should be cut.
    pub page_status: Option<PageStatus>,
}

/// Whether a part has grown so long that it should be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PageStatus {
    /// It still can be shown.
    SplitRecommended,
    /// It is cut before it is shown.
    SplitRequired,
}
