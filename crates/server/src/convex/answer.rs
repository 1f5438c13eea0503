//! What clients are told, as text. Every member that clients demand is there, also when it says nothing: one that is
//! missing breaks them.

use engine::{Committed, Update};
use kernel::Error;
use serde_json::Value;

use super::{codec, failure::Failure, value, version::Version};

/// Nothing was said for a while.
pub(super) const PING: &str = r#"{"type":"Ping"}"#;

/// The clocks, for clients that compare them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// The client's when it connected, less ours, in milliseconds.
    pub skew_ms: i64,
    /// Ours, in nanoseconds.
    pub now_ns: u64,
}

/// Everything that a connection shows moves to one moment.
pub(super) fn transition((start, end): (Version, Version), modifications: &[String], clocks: Clocks) -> String {
    let Clocks { skew_ms, now_ns } = clocks;
    format!(
        r#"{{"type":"Transition","startVersion":{},"endVersion":{},"modifications":[{}],"clientClockSkew":{skew_ms},"serverTs":{now_ns}}}"#,
        start.json(),
        end.json(),
        modifications.join(","),
    )
}

/// A query's new answer, or why there is none.
pub(super) fn updated(update: &Update, request: &str) -> String {
    let (id, journal) = (update.id, Value::from(update.shown.journal.as_deref()));
    let checked = match &update.shown.outcome {
        Ok(answer) => value::check(answer).map(|()| answer),
        Err(error) => return failed(id, error, &journal, request),
    };
    match checked {
        Ok(answer) => {
            format!(r#"{{"type":"QueryUpdated","queryId":{id},"value":{answer},"logLines":[],"journal":{journal}}}"#)
        }
        Err(error) => failed(id, &error, &journal, request),
    }
}

fn failed(id: u32, error: &Error, journal: &Value, request: &str) -> String {
    let failure = Failure::of(error, request).members("errorMessage");
    format!(r#"{{"type":"QueryFailed","queryId":{id},{failure},"logLines":[],"journal":{journal}}}"#)
}

/// A query is no longer watched.
pub(super) fn removed(id: u32) -> String {
    format!(r#"{{"type":"QueryRemoved","queryId":{id}}}"#)
}

/// A mutation is on disk.
pub(super) fn committed(id: u32, committed: &Committed) -> String {
    let (output, ts) = (&committed.output, codec::encode(committed.ts));
    format!(
        r#"{{"type":"MutationResponse","requestId":{id},"success":true,"result":{output},"ts":"{ts}","logLines":[]}}"#
    )
}

/// A mutation has written nothing.
pub(super) fn not_committed(id: u32, failure: &Failure) -> String {
    let failure = failure.members("result");
    format!(r#"{{"type":"MutationResponse","requestId":{id},"success":false,{failure},"ts":null,"logLines":[]}}"#)
}

/// An action is done.
pub(super) fn acted(id: u32, output: &Value) -> String {
    format!(r#"{{"type":"ActionResponse","requestId":{id},"success":true,"result":{output},"logLines":[]}}"#)
}

/// An action has failed.
pub(super) fn not_acted(id: u32, failure: &Failure) -> String {
    let failure = failure.members("result");
    format!(r#"{{"type":"ActionResponse","requestId":{id},"success":false,{failure},"logLines":[]}}"#)
}

/// What the client showed is worth nothing: it fetches a new token and comes again. `attempted` tells whether it showed it
/// just now.
pub(super) fn auth_error(message: &str, base_version: u32, attempted: bool) -> String {
    let error = Value::from(message);
    format!(r#"{{"type":"AuthError","error":{error},"baseVersion":{base_version},"authUpdateAttempted":{attempted}}}"#)
}
