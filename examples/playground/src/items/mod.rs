//! Items: rows with a tag, a text and a number.

mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub(crate) use model::Item;
pub(crate) use store::insert;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("items", "Items: texts with tags")
        .query::<queries::ListItems>()
        .query::<queries::CountItems>()
        .query::<queries::PageItems>()
        .mutation::<mutations::InsertItem>()
        .mutation::<mutations::InsertManyItems>()
        .mutation::<mutations::ClearItems>()
        .mutation::<mutations::InsertThenFail>()
        .mutation::<mutations::InsertThenFailData>();
}
