//! Messages to the clients, as text. Every member that clients require is written, also when it is empty: a missing one
//! breaks them.

use std::fmt::{Arguments, Write};

use engine::Committed;
use serde_json::Value;

use super::{codec, failure::Failure, version::Version};

/// Sent when nothing else was sent for a while.
pub(super) const PING: &str = r#"{"type":"Ping"}"#;

/// The clocks, for clients that compare them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// The client's when it connected, less ours, in milliseconds.
    pub skew_ms: i64,
    /// Ours, in nanoseconds.
    pub now_ns: u64,
}

/// Everything that a connection shows moves to one moment. It is written once, into the text that is sent.
pub(super) struct Transition {
    text: String,
    has_modifications: bool,
}

impl Transition {
    /// From one version to another. `bytes` is about how long it will be.
    pub(super) fn new((start, end): (Version, Version), bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes + 400);
        push(
            &mut text,
            format_args!(
                r#"{{"type":"Transition","startVersion":{},"endVersion":{},"modifications":["#,
                start.json(),
                end.json()
            ),
        );
        Self { text, has_modifications: false }
    }

    /// A query's new answer.
    pub(super) fn updated(&mut self, id: u32, answer: &str, journal: Option<&str>) {
        let journal = Value::from(journal);
        self.modify(format_args!(
            r#"{{"type":"QueryUpdated","queryId":{id},"value":{answer},"logLines":[],"journal":{journal}}}"#
        ));
    }

    /// Why a query has no answer.
    pub(super) fn failed(&mut self, id: u32, failure: &Failure, journal: Option<&str>) {
        let (failure, journal) = (failure.members("errorMessage"), Value::from(journal));
        self.modify(format_args!(
            r#"{{"type":"QueryFailed","queryId":{id},{failure},"logLines":[],"journal":{journal}}}"#
        ));
    }

    /// A query is no longer watched.
    pub(super) fn removed(&mut self, id: u32) {
        self.modify(format_args!(r#"{{"type":"QueryRemoved","queryId":{id}}}"#));
    }

    /// The message.
    pub(super) fn finish(mut self, clocks: Clocks) -> String {
        let Clocks { skew_ms, now_ns } = clocks;
        push(&mut self.text, format_args!(r#"],"clientClockSkew":{skew_ms},"serverTs":{now_ns}}}"#));
        self.text
    }

    fn modify(&mut self, modification: Arguments<'_>) {
        if self.has_modifications {
            self.text.push(',');
        }
        self.has_modifications = true;
        push(&mut self.text, modification);
    }
}

fn push(text: &mut String, what: Arguments<'_>) {
    // A text takes whatever is written to it.
    text.write_fmt(what).unwrap_or_default();
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
