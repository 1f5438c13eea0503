//! The `GET` by which a vendor checks that an address belongs to us.

use kernel::{Code, Error, Result};

/// Returns the text to send back. It is echoed to any caller, so that only texts without markup are accepted.
pub(super) fn answer(text: Option<&str>) -> Result<String> {
    let harmless = |text: &&str| {
        (1..=255).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=:".contains(&byte))
    };
    text.filter(harmless)
        .map(str::to_owned)
        .ok_or_else(|| Error::bad_request("challenge_malformed", "the challenge is missing or is not a plain token"))
}

/// The error for a wrong verify token.
pub(super) fn wrong_token() -> Error {
    Error::new(Code::Forbidden, "challenge_refused", "the verify token is not the one that is configured")
}
