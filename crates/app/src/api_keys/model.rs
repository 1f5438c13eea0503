//! An API key.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use engine::World;
use kernel::{Error, Result, Role, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use engine::ApiKeyId;

/// How every key begins.
pub(super) const BEGINNING: &str = "sk_";
/// Scopes of one key.
const SCOPES: usize = 100;

/// An API key, without what is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// `key_…`
    #[serde(rename = "_id")]
    pub id: ApiKeyId,
    /// When it was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The operations it may call: `customers:list`, or `customers:*`. Empty is all that its role allows.
    pub scopes: Vec<String>,
    /// Its last four characters.
    pub hint: String,
    /// Until when it is good; for good when it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// While it is rotated: until when the one before is good too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Time>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
    /// When it was shown the last time, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Time>,
}

/// A key that was just made, or rotated: the only time that it is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// `key_…`
    #[serde(rename = "_id")]
    pub id: ApiKeyId,
    /// What programs show: keep it, it is not seen again.
    pub key: String,
}

/// What is shown: `sk_` and 32 random bytes.
pub(super) fn fresh(world: &World) -> String {
    format!("{BEGINNING}{}", HEXLOWER.encode(&world.bytes::<32>()))
}

/// What is kept of it.
pub(super) fn hash(key: &str) -> [u8; 32] {
    let digest = digest(&SHA256, key.as_bytes());
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

/// How a hash is written.
pub(super) fn hex(hash: &[u8; 32]) -> String {
    HEXLOWER.encode(hash)
}

/// What tells it from other keys.
pub(super) fn hint(key: &str) -> String {
    key[key.len().saturating_sub(4)..].to_owned()
}

/// Checks scopes that came from outside.
///
/// # Errors
/// `BadRequest` when one does not name operations.
pub(super) fn check_scopes(scopes: &[String]) -> Result<()> {
    let part = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '/');
    let fits = |scope: &String| {
        scope.split_once(':').is_some_and(|(module, function)| part(module) && (function == "*" || part(function)))
    };
    if scopes.len() <= SCOPES && scopes.iter().all(fits) {
        return Ok(());
    }
    Err(Error::bad_request(
        "scopes_invalid",
        format!("a scope is an operation such as customers:list, or a module such as customers:*; at most {SCOPES}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sk_and_32_bytes_and_no_two_are_alike() {
        let world = World::system();
        let (one, other) = (fresh(&world), fresh(&world));
        assert_eq!((one.len(), one.starts_with("sk_"), one == other), (67, true, false));
        assert_eq!(hint(&one), one[63..]);
        assert_ne!(hash(&one), hash(&other));
    }

    #[test]
    fn a_scope_names_an_operation_or_a_module() {
        let check = |scopes: &[&str]| check_scopes(&scopes.iter().map(ToString::to_string).collect::<Vec<_>>()).is_ok();
        assert!(check(&[]) && check(&["customers:list", "a/b:*"]));
        for wrong in ["", "*", "customers", "customers:", ":list", "customers:*x", "a b:c"] {
            assert!(!check(&[wrong]), "{wrong}");
        }
    }
}
