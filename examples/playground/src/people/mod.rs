//! Callers: all of them, signed in or not, act in one built-in organization.

mod directory;
mod mutations;
mod queries;

use engine::{Caller, Identity, Registry};

pub(crate) use directory::Everybody;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("auth", "The signed-in caller")
        .query::<queries::WhoAmI>()
        .query::<queries::MustBeUser>()
        .mutation::<mutations::AddAs>();
}

/// Returns the subject of the caller's token.
fn subject(caller: &Caller) -> Option<String> {
    match &caller.identity {
        Identity::Token(claims) => Some(claims.subject.clone()),
        Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_) => None,
    }
}
