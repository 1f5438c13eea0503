//! Parses the text of a token. Nothing is verified here.

use data_encoding::BASE64URL_NOPAD;
use kernel::{Error, Result};
use provider::auth::Algorithm;
use serde_json::{Map, Value};

use super::refused;

/// The greatest length of a token: servers limit the size of headers.
const MAX_TOKEN: usize = 16 * 1024;
/// The values of `typ` of tokens for calls. Other tokens, such as logout tokens, are signed with the same keys.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// A token whose signature has not been verified.
pub(super) struct Token<'t> {
    /// The algorithm in its header.
    pub(super) algorithm: Algorithm,
    /// The id of the key in its header.
    pub(super) key_id: String,
    /// The claims.
    pub(super) claims: Map<String, Value>,
    /// The signed text.
    pub(super) signed: &'t [u8],
    /// The signature, in base64url.
    pub(super) signature: &'t str,
}

impl<'t> Token<'t> {
    /// Parses a token.
    ///
    /// # Errors
    /// `Unauthenticated` when the text is not a token, or has no algorithm or key that could be verified.
    pub(super) fn parse(text: &'t str) -> Result<Self> {
        if text.len() > MAX_TOKEN {
            return Err(malformed());
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
        // A second encoding of the same bytes would be a second token with the same signature.
        BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| malformed())?;
        let (header, claims) = (object(header)?, object(payload)?);
        let (algorithm, key_id) = read(&header)?;
        Ok(Self { algorithm, key_id, claims, signed: signed.as_bytes(), signature })
    }

    /// `iss`.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }
}

fn malformed() -> Error {
    refused("token_malformed", "this is not a JSON Web Token")
}

fn object(part: &str) -> Result<Map<String, Value>> {
    let json = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| malformed())?;
    serde_json::from_slice(&json).map_err(|_| malformed())
}

/// Reads algorithm and key id from a header.
fn read(header: &Map<String, Value>) -> Result<(Algorithm, String)> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    // `crit` lists extensions that must be understood; none is supported.
    if header.contains_key("crit") {
        return Err(refused("token_malformed", "the token asks for extensions that are not understood"));
    }
    if header.contains_key("typ") && !text("typ").is_some_and(is_for_a_call) {
        return Err(refused("token_malformed", "this kind of token is not for calls"));
    }
    let algorithm = text("alg").and_then(Algorithm::parse).ok_or_else(|| {
        refused("token_algorithm", "the token is not signed with RS256, ES256 or EdDSA, and others are not accepted")
    })?;
    let key_id = text("kid").filter(|id| !id.is_empty()).ok_or_else(|| {
        refused("token_key_missing", "the header of the token does not say which key it is signed with (kid)")
    })?;
    Ok((algorithm, key_id.to_owned()))
}

fn is_for_a_call(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    TYPES.contains(&kind.strip_prefix("application/").unwrap_or(&kind))
}
