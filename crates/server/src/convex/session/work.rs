//! Mutations, which run one after the other, and actions, which run beside everything else.

use std::time::Duration;

use engine::{Identity, Operations, Replay, Who};
use kernel::{Code, Error, Result};
use serde_json::Value;
use tokio::task::JoinError;

use super::{
    super::{answer, close::Close, message::Request, value},
    Session,
    show::broken,
};

/// Actions of one connection that may run.
const ACTIONS: usize = 100;
/// How long an answered mutation is remembered: a tab may sleep for so long.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The end of an action.
pub(super) struct EndedAction {
    request: u32,
    who: Who,
    bytes: usize,
    output: Result<Value>,
}

/// The end of an action, unless its task panicked.
pub(super) type ActionEnd = Result<EndedAction, JoinError>;

/// A mutation that waits for the ones before it.
pub(super) struct QueuedMutation {
    request: u32,
    who: Who,
    operation: String,
    arguments: Value,
    bytes: usize,
}

impl Session {
    /// Queues a mutation.
    pub(super) async fn queue(&mut self, Request { request_id, call }: Request, bytes: usize) -> Result<(), Close> {
        let who = self.view().await?.who().clone();
        let (operation, arguments) = self.surface.read(call);
        self.undone += bytes;
        self.mutations.push_back(QueuedMutation { request: request_id, who, operation, arguments, bytes });
        Ok(())
    }

    /// Runs the next mutation.
    pub(super) async fn mutate(&mut self) -> Result<(), Close> {
        let Some(QueuedMutation { request, who, operation, arguments, bytes }) = self.mutations.pop_front() else {
            return Ok(());
        };
        self.undone -= bytes;
        let operations = self.surface.operations.clone();
        let keep_until = operations.world().now() + REMEMBERED;
        let session = self.id.clone().unwrap_or_default();
        let replay = Replay { session, request: request.to_string(), keep_until };
        let work = operations.mutation(&who, &operation, &arguments, Some(replay));
        let done = self.socket.beside(Box::pin(work)).await?;
        let done = done.and_then(|committed| value::check_value(&committed.output).map(|()| committed));
        match done {
            Ok(committed) => {
                self.least = self.least.max(committed.ts);
                self.answered.get_or_insert(committed.ts);
                self.last_answered = self.last_answered.max(committed.ts);
                self.socket.send(answer::committed(request, &committed));
            }
            Err(error) if is_nobody(&who, &error) => return Err(self.refuse(&error, false)),
            // To say that it failed could be wrong. The client sends the same request again, and a mutation that was
            // committed is not run twice.
            Err(error) if Operations::is_in_doubt(&error) => return Err(broken(&error)),
            Err(error) => {
                let failure = self.surface.failure(&error);
                self.socket.send(answer::not_committed(request, &failure));
            }
        }
        self.owed = true;
        Ok(())
    }

    /// Lets the answers be forgotten that the client was shown: it does not ask for them again.
    pub(super) fn forget_shown(&mut self) {
        let shown = self.socket.received_ts();
        let (Some(first), Some(view), Some(session)) = (self.answered, &self.view, &self.id) else { return };
        if shown < first {
            return;
        }
        self.answered = (self.last_answered > shown).then_some(shown + 1);
        let (operations, who, session) = (self.surface.operations.clone(), view.who().clone(), session.clone());
        tokio::spawn(async move { operations.forget_shown(&who, &session, shown).await });
    }

    /// Begins an action. It goes on when the connection does not: what it has begun outside, it ends.
    pub(super) async fn act(
        &mut self,
        Request { request_id: request, call }: Request,
        bytes: usize,
    ) -> Result<(), Close> {
        if self.actions.len() >= ACTIONS {
            // To close the connection would fail those that run.
            let message = format!("{ACTIONS} actions run already: wait until one of them is done");
            let failure = self.surface.failure(&Error::new(Code::RateLimited, "too_many_actions", message));
            self.socket.send(answer::not_acted(request, &failure));
            self.owed = true;
            return Ok(());
        }
        let who = self.view().await?.who().clone();
        let operations = self.surface.operations.clone();
        let (operation, arguments) = self.surface.read(call);
        self.undone += bytes;
        self.actions.push(tokio::spawn(async move {
            let output = operations.action(&who, &operation, &arguments).await;
            EndedAction { request, who, bytes, output }
        }));
        Ok(())
    }

    pub(super) fn answer_action(&mut self, done: ActionEnd) -> Result<(), Close> {
        let EndedAction { request, who, bytes, output } = done.map_err(|_| Close::internal("an action panicked"))?;
        self.undone -= bytes;
        match output.and_then(|output| value::check_value(&output).map(|()| output)) {
            Ok(output) => self.socket.send(answer::acted(request, &output)),
            Err(error) if is_nobody(&who, &error) => return Err(self.refuse(&error, false)),
            Err(error) => {
                let failure = self.surface.failure(&error);
                self.socket.send(answer::not_acted(request, &failure));
            }
        }
        // What the action wrote is committed: the next transition shows it.
        self.owed = true;
        Ok(())
    }
}

/// Whether the token or the key is no longer valid, in contrast to an operation that needs one.
fn is_nobody(who: &Who, error: &Error) -> bool {
    error.code == Code::Unauthenticated && error.data().is_none() && who.identity != Identity::Anonymous
}
