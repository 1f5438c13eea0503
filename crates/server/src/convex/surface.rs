//! What every connection stands on: the operations, and the tenant in whose name the address was called.

use std::sync::Arc;

use engine::{Identity, Live, Operations, Update, Who};
use kernel::{Code, Error, Result};
use serde_json::Value;

use super::{answer::Transition, failure::Failure, message::Call, value};
use crate::{authenticate::Authenticator, request::made_id};

/// What one connection or call needs of the server.
#[derive(Clone)]
pub(super) struct Surface {
    pub operations: Operations,
    pub live: Live,
    pub authenticator: Arc<dyn Authenticator>,
    /// The organization in the address, `/t/{slug}`.
    pub wanted: Option<Arc<str>>,
    /// The client's address.
    pub origin: Option<Arc<str>>,
}

impl Surface {
    /// Finds the organization that somebody acts in. Who does not belong to the one in the address acts in none: each
    /// operation then tells what is missing.
    ///
    /// # Errors
    /// `Unauthenticated` when their token or key is not valid.
    pub(super) async fn enter(&self, identity: Identity) -> Result<Who> {
        let origin = self.origin.as_deref().map(ToOwned::to_owned);
        match self.operations.enter(identity.clone(), self.wanted.as_deref(), origin.clone()).await {
            Err(error) if matches!(error.code, Code::Forbidden | Code::NotFound) => {
                Ok(Who { identity, organization: None, origin })
            }
            entered => entered,
        }
    }

    /// How many bytes of arguments a client may send before it has signed in; none for one that has.
    pub(super) fn limit_of(&self, identity: &Identity) -> Option<usize> {
        (*identity == Identity::Anonymous).then_some(self.live.options().anonymous_bytes)
    }

    /// The operation and the arguments of a call.
    pub(super) fn read(&self, call: Call) -> (String, Value) {
        let operation = call.operation();
        let arguments = match self.operations.catalog().find(&operation) {
            Ok(found) => value::arguments(call.args, &found.description.arguments),
            Err(_) => call.args,
        };
        (operation, arguments)
    }

    /// An error as it is sent to the client. Internal errors are logged, and only their request id is sent.
    pub(super) fn failure(&self, error: &Error) -> Failure {
        let request = made_id(self.operations.world().number());
        log(error, &request);
        Failure::of(error, &request)
    }

    /// Writes an update into a transition.
    pub(super) fn write(&self, transition: &mut Transition, update: &Update) {
        let (id, shown) = (update.id, &update.shown);
        let journal = shown.journal.as_deref();
        match &shown.outcome {
            Ok(answer) if shown.is_fit(|| value::check(answer).is_ok()) => transition.updated(id, answer, journal),
            Ok(answer) => {
                if let Err(error) = value::check(answer) {
                    transition.failed(id, &self.failure(&error), journal);
                }
            }
            Err(error) => transition.failed(id, &self.failure(error), journal),
        }
    }
}

fn log(error: &Error, request: &str) {
    if error.code == Code::Internal {
        tracing::error!(request_id = request, ?error, "an operation failed");
    }
}
