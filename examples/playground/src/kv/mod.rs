//! Values by name.

mod mutations;
mod queries;
mod store;

use engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("kv", "Values by key")
        .query::<queries::GetValue>()
        .query::<queries::FailIfOdd>()
        .mutation::<mutations::SetValue>()
        .mutation::<mutations::SetPair>()
        .mutation::<mutations::AppendValue>();
}
