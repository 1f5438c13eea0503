//! Operations that show the behaviour of the protocol: echoes, failures, large answers, actions.

mod actions;
mod queries;

use engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("util", "Operations for tests")
        .query::<queries::Echo>()
        .query::<queries::Fail>()
        .query::<queries::FailData>()
        .query::<queries::Big>()
        .action::<actions::Act>()
        .action::<actions::ActFail>();
}
