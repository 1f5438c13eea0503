//! `Idempotency-Key`: a repeated mutation is answered again, and executed once.

use std::{net::IpAddr, time::Duration};

use axum::http::{HeaderMap, HeaderName};
use engine::{Identity, Replay, Who};
use kernel::{Error, Result, Time};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How long an answer is stored.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// The greatest number of characters of a key.
const LENGTH: usize = 255;

/// Returns the replay of a call by its key. The key belongs to the caller: two callers with the same key make two
/// calls.
///
/// # Errors
/// `BadRequest` when the key is malformed.
pub(super) fn of(headers: &HeaderMap, who: &Who, origin: Option<IpAddr>, now: Time) -> Result<Option<Replay>> {
    let Some(request) = key(headers)? else { return Ok(None) };
    let organization = who.organization.as_ref().map(ToString::to_string).unwrap_or_default();
    let party = match (&who.identity, origin) {
        // The address is all that is known of an anonymous caller.
        (Identity::Anonymous, Some(address)) => format!("anonymous {address}"),
        (identity, _) => identity.key(),
    };
    Ok(Some(Replay { session: format!("rest {organization} {party}"), request, keep_until: now + KEPT }))
}

/// Refuses keys for actions: their external effects cannot be stored in the transaction that would remember the answer,
/// so that nothing could be promised.
///
/// # Errors
/// `BadRequest` when a key was sent.
pub(super) fn refuse(headers: &HeaderMap) -> Result<()> {
    if headers.contains_key(IDEMPOTENCY_KEY) {
        return Err(Error::bad_request(
            "idempotency_unsupported",
            "this operation is an action, which cannot promise to run once: leave Idempotency-Key out",
        ));
    }
    Ok(())
}

fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    let readable = key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if key.is_empty() || key.len() > LENGTH || !readable {
        let message = format!("Idempotency-Key is 1 to {LENGTH} printable ASCII characters");
        return Err(Error::bad_request("idempotency_key", message));
    }
    Ok(Some(key.to_owned()))
}
