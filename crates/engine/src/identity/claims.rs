//! Validates the claims of a token whose signature is valid, and reads them.

use std::time::Duration;

use kernel::{Result, Time};
use provider::auth::{ClaimNames, Issuer};
use serde_json::{Map, Value};

use super::refused;
use crate::Claims;

/// The tolerated difference between the clocks of issuer and server.
const LEEWAY: Duration = Duration::from_secs(5);
/// Longer than any name that an issuer gives, and short enough for an index.
const MAX_TEXT: usize = 512;

/// Validates and reads the claims of a token that `issuer` signed.
///
/// # Errors
/// `Unauthenticated` when the audience or the time is wrong, or the subject is missing.
pub(super) fn read(issuer: &Issuer, all: Map<String, Value>, now: Time) -> Result<Claims> {
    let expires_at = end(&all, now)?;
    check_beginning(&all, now)?;
    check_audience(issuer, &all)?;
    check_complete(issuer, &all)?;
    let subject = all.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty() && is_fit(subject));
    let subject = subject.ok_or_else(|| refused("token_subject", "the token does not say whose it is (sub)"))?;
    let names = &issuer.claims;
    let (first_name, last_name) = person(names, &all);
    Ok(Claims {
        issuer: all.get("iss").and_then(Value::as_str).unwrap_or_default().to_owned(),
        subject: subject.to_owned(),
        organization: deciding(&all, &names.organization)?,
        role: deciding(&all, &names.role)?.map(|role| without_prefix(role, names.role_prefix)),
        email: email(names, &all),
        first_name,
        last_name,
        picture: profile(&all, &names.picture),
        expires_at,
        all,
    })
}

/// Returns when the token expires.
fn end(all: &Map<String, Value>, now: Time) -> Result<Time> {
    let end =
        moment(all, "exp")?.ok_or_else(|| refused("token_malformed", "the token does not say when it ends (exp)"))?;
    let last = end + LEEWAY;
    if last <= now {
        return Err(refused("token_expired", "the token has expired: sign in again, or refresh it"));
    }
    // The tolerance is for tokens that arrive; a caller who was accepted before is refused when the token says so.
    Ok(if end <= now { last } else { end })
}

fn check_beginning(all: &Map<String, Value>, now: Time) -> Result<()> {
    match moment(all, "nbf")? {
        Some(begin) if begin > now + LEEWAY => {
            Err(refused("token_not_yet_valid", "the token is not valid yet: is the clock of its issuer right?"))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_audience(issuer: &Issuer, all: &Map<String, Value>) -> Result<()> {
    if issuer.audience.is_empty() {
        return Ok(());
    }
    let ours = |value: &Value| value.as_str().is_some_and(|name| issuer.audience.iter().any(|known| known == name));
    let is_for_us = match all.get("aud") {
        Some(Value::Array(names)) => names.iter().any(ours),
        Some(name) => ours(name),
        None => false,
    };
    if is_for_us { Ok(()) } else { Err(refused("token_audience", "the token is for somebody else (aud)")) }
}

fn check_complete(issuer: &Issuer, all: &Map<String, Value>) -> Result<()> {
    match &issuer.refuses {
        Some((claim, value)) if all.get(*claim) == Some(value) => {
            Err(refused("token_incomplete", "the sign-in that the token is of is not complete"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Parses a time in seconds since 1970, with or without a fraction.
fn moment(all: &Map<String, Value>, name: &str) -> Result<Option<Time>> {
    let Some(value) = all.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite());
    let seconds = seconds.ok_or_else(|| refused("token_malformed", "a moment in the token is not a number"))?;
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit ends at the borders, which are far enough")]
    let ms = (seconds * 1000.0) as i64;
    Ok(Some(Time::from_ms(ms)))
}

/// Reads a claim that determines the caller's rights: the token is refused when it cannot be read.
fn deciding(all: &Map<String, Value>, names: &[String]) -> Result<Option<String>> {
    match ClaimNames::text(all, names) {
        Some(text) if !is_fit(&text) => {
            Err(refused("token_claims", "the organization or the role in the token cannot be a name"))
        }
        text => Ok(text),
    }
}

fn without_prefix(role: String, prefix: &str) -> String {
    role.strip_prefix(prefix).map(str::to_owned).unwrap_or(role)
}

/// Only a confirmed e-mail address is used, because invitations are accepted by it.
fn email(names: &ClaimNames, all: &Map<String, Value>) -> Option<String> {
    let vouched = match all.get("email_verified") {
        None | Some(Value::Null) => true,
        Some(Value::String(said)) => said == "true",
        Some(said) => *said == Value::Bool(true),
    };
    profile(all, &names.email).filter(|email| vouched && email.contains('@'))
}

/// Returns given and family name; the whole name, split at its first space, where the token has no parts.
fn person(names: &ClaimNames, all: &Map<String, Value>) -> (Option<String>, Option<String>) {
    let parts = (profile(all, &names.given_name), profile(all, &names.family_name));
    if parts != (None, None) {
        return parts;
    }
    match profile(all, &names.name) {
        None => (None, None),
        Some(name) => match name.split_once(' ') {
            Some((given, family)) => (Some(given.to_owned()), Some(family.trim().to_owned())),
            None => (Some(name), None),
        },
    }
}

/// Reads a claim that only describes the person: a value that cannot be shown is left out.
fn profile(all: &Map<String, Value>, names: &[String]) -> Option<String> {
    ClaimNames::text(all, names).filter(|text| is_fit(text))
}

/// Returns whether a text can be stored, compared and shown.
fn is_fit(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}
