//! What is remembered of a mutation, so that a client that asks again after a lost answer gets the same answer.
//!
//! It is written in the mutation's own transaction, only when that succeeds, and belongs to the party and the
//! organization that called: whoever else brings the same number is refused.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use kernel::{Error, Result, Time};
use serde_json::Value;
use store::{FromRow, Row, Tx};

use super::Caller;

/// Which call it is, in the client's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// A session of the live protocol, or `rest`.
    pub session: String,
    /// The number of the request in the session, or an idempotency key.
    pub request: String,
    /// Until when it is remembered.
    pub keep_until: Time,
}

/// A call that was answered.
pub(super) struct Answered {
    operation: String,
    arguments: String,
    party: String,
    pub output: Value,
    pub ts: i64,
}

/// The hash by which arguments are compared.
pub(super) fn fingerprint(arguments: &Value) -> String {
    HEXLOWER.encode(digest(&SHA256, arguments.to_string().as_bytes()).as_ref())
}

fn party(caller: &Caller) -> String {
    let organization = caller.organization.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{organization} {}", caller.identity.key())
}

/// The answer that this call had before.
///
/// # Errors
/// `Conflict` when it was another caller's, or another call.
pub(super) async fn find(
    tx: &mut Tx,
    replay: &Replay,
    caller: &Caller,
    operation: &str,
    arguments: &Value,
) -> Result<Option<Answered>> {
    let found: Option<Answered> = tx
        .system("select operation, arguments, party, output, ts from replays where session = $1 and request = $2")
        .bind(&replay.session)
        .bind(&replay.request)
        .optional()
        .await?;
    let Some(answered) = found else { return Ok(None) };
    if answered.party != party(caller) {
        return Err(Error::conflict("request_of_another", "this request belongs to somebody else: use a new session"));
    }
    if answered.operation != operation || answered.arguments != fingerprint(arguments) {
        return Err(Error::conflict(
            "request_reused",
            "this request was made before with another operation or other arguments: use a new key",
        ));
    }
    Ok(Some(answered))
}

pub(super) async fn remember(
    tx: &mut Tx,
    replay: &Replay,
    caller: &Caller,
    operation: &'static str,
    arguments: &Value,
    answer: (&Value, i64),
) -> Result<()> {
    tx.system(
        "insert into replays (session, request, party, operation, arguments, output, ts, keep_until_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&replay.session)
    .bind(&replay.request)
    .bind(party(caller))
    .bind(operation)
    .bind(fingerprint(arguments))
    .bind(answer.0.to_string())
    .bind(answer.1)
    .bind(replay.keep_until)
    .execute()
    .await
    .map(drop)
}

/// Forgets what is remembered for longer than it has to be, a few at a time. Tells how many.
pub(crate) async fn forget(tx: &mut Tx, now: Time, most: i64) -> Result<u64> {
    tx.system(
        "delete from replays where (session, request) in (
             select session, request from replays where keep_until_ms < $1 order by keep_until_ms limit $2)",
    )
    .bind(now)
    .bind(most)
    .execute()
    .await
}

impl FromRow for Answered {
    fn from_row(row: &Row) -> Result<Self> {
        let output = serde_json::from_str(&row.text("output")?)
            .map_err(|error| Error::internal("replay_unreadable", "a remembered answer is not JSON").source(error))?;
        Ok(Self {
            operation: row.text("operation")?,
            arguments: row.text("arguments")?,
            party: row.text("party")?,
            output,
            ts: row.int("ts")?,
        })
    }
}
