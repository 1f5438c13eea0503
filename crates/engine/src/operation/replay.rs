//! What is remembered of a mutation, so that a client that asks again after a lost answer gets the same answer.
//!
//! It is written in the mutation's own transaction, only when that succeeds, and belongs to the party and the
//! organization that called: whoever else brings the same number is refused.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use kernel::{Error, OrgId, Result, Time};
use serde_json::Value as Json;
use store::{Engine, FromRow, Row, Tx, Value};

use super::{Caller, Identity, Who, canonical};

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
    pub output: Json,
    pub ts: i64,
}

/// The hash by which arguments are compared.
pub(super) fn fingerprint(arguments: &Json) -> String {
    HEXLOWER.encode(digest(&SHA256, canonical(arguments).as_bytes()).as_ref())
}

fn party(organization: Option<&OrgId>, identity: &Identity) -> String {
    let organization = organization.map(ToString::to_string).unwrap_or_default();
    format!("{organization} {}", identity.key())
}

/// What is known of a call before it is made.
pub(super) enum Claim {
    /// It was answered.
    Answered(Answered),
    /// It is new, and its answer goes here.
    New(Slot),
}

/// The row of a call that has no answer yet.
pub(super) struct Slot(Value);

/// Takes a call on, unless it was answered before.
///
/// The row is written before anything is read, and found again by its place: every mutation writes to this table, and on
/// PostgreSQL whoever looks something up in an index into which others write makes their transactions fail, and they ours.
///
/// # Errors
/// `Conflict` when it was another caller's, or another call.
pub(super) async fn claim(
    tx: &mut Tx,
    replay: &Replay,
    caller: &Caller,
    operation: &'static str,
    arguments: &Json,
) -> Result<Claim> {
    let (party, arguments) = (party(caller.organization.as_ref(), &caller.identity), fingerprint(arguments));
    let insert = tx.system(match tx.engine() {
        Engine::Sqlite => {
            "insert into replays (session, request, party, operation, arguments, output, ts, keep_until_ms)
             values ($1, $2, $3, $4, $5, '', 0, $6) on conflict (session, request) do nothing returning rowid as slot"
        }
        Engine::Postgres => {
            "insert into replays (session, request, party, operation, arguments, output, ts, keep_until_ms)
             values ($1, $2, $3, $4, $5, '', 0, $6) on conflict (session, request) do nothing returning ctid::text as slot"
        }
    });
    let claimed = insert
        .bind(&replay.session)
        .bind(&replay.request)
        .bind(&party)
        .bind(operation)
        .bind(&arguments)
        .bind(replay.keep_until)
        .row()
        .await?;
    if let Some(row) = claimed {
        return Ok(Claim::New(Slot(match tx.engine() {
            Engine::Sqlite => row.int("slot")?.into(),
            Engine::Postgres => row.text("slot")?.into(),
        })));
    }
    let answered = find(tx, replay).await?;
    if answered.party != party {
        return Err(Error::conflict("request_of_another", "this request belongs to somebody else: use a new session"));
    }
    if answered.operation != operation || answered.arguments != arguments {
        return Err(Error::conflict(
            "request_reused",
            "this request was made before with another operation or other arguments: use a new key",
        ));
    }
    Ok(Claim::Answered(answered))
}

async fn find(tx: &mut Tx, replay: &Replay) -> Result<Answered> {
    let found: Option<Answered> = tx
        .system("select operation, arguments, party, output, ts from replays where session = $1 and request = $2")
        .bind(&replay.session)
        .bind(&replay.request)
        .optional()
        .await?;
    found.ok_or_else(|| Error::internal("replay_vanished", "a request that was made before is not remembered"))
}

/// Remembers the answer, and its timestamp.
pub(super) async fn remember(tx: &mut Tx, slot: Slot, output: &Json, ts: i64) -> Result<()> {
    let update = tx.system(match tx.engine() {
        Engine::Sqlite => "update replays set output = $1, ts = $2 where rowid = $3",
        Engine::Postgres => "update replays set output = $1, ts = $2 where ctid = $3::text::tid",
    });
    update.bind(output.to_string()).bind(ts).bind(slot.0).execute().await.map(drop)
}

/// Forgets the answers of a session up to this timestamp, as far as they are this party's: the client was shown what they
/// changed, and asks for none of them again.
pub(super) async fn forget_shown(tx: &mut Tx, who: &Who, session: &str, ts: i64) -> Result<()> {
    tx.system("delete from replays where session = $1 and party = $2 and ts <= $3")
        .bind(session)
        .bind(party(who.organization.as_ref(), &who.identity))
        .bind(ts)
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
