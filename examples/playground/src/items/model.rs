//! An item.

use engine::{Place, Placed};
use kernel::Id;
use schemars::JsonSchema;
use serde::Serialize;

kernel::id_prefix! {
    /// The kind of id of an item.
    pub(crate) ItemPrefix = "itm" in "items"
}

/// The id of an item.
pub(crate) type ItemId = Id<ItemPrefix>;

/// A row with a tag, a text and a number.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Item {
    /// `itm_…`
    #[serde(rename = "_id")]
    pub(crate) id: ItemId,
    /// The tag.
    pub(crate) tag: String,
    /// The text.
    pub(crate) text: String,
    /// The number.
    pub(crate) n: i64,
}

impl Placed for Item {
    fn place(&self) -> Place {
        Place(vec![self.n.into(), self.id.as_str().into()])
    }
}
