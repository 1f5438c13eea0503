//! The `GET` by which a vendor asks whether an address is ours.

use kernel::{Code, Error, Result};

/// The text to send back. It is echoed to whoever asks, so only what cannot be taken for markup is.
pub(super) fn answer(text: Option<&str>) -> Result<String> {
    let harmless = |text: &&str| {
        (1..=255).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=:".contains(&byte))
    };
    text.filter(harmless)
        .map(str::to_owned)
        .ok_or_else(|| Error::bad_request("challenge_malformed", "the challenge is missing or is not a plain token"))
}

/// The refusal of a wrong verify token.
pub(super) fn wrong_token() -> Error {
    Error::new(Code::Forbidden, "challenge_refused", "the verify token is not the one that is configured")
}
