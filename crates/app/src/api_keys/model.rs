//! An API key.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use engine::World;
use kernel::{Error, Result, Role, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use engine::ApiKeyId;

/// The text that every key begins with.
pub(super) const BEGINNING: &str = "sk_";
/// The greatest number of scopes of one key.
const SCOPES: usize = 100;

/// An API key, without the secret text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// `key_…`
    #[serde(rename = "_id")]
    pub id: ApiKeyId,
    /// When the key was created.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The name that people gave the key.
    pub name: String,
    /// The role whose rights the key has.
    pub role: Role,
    /// The operations that the key may call: `customers:list`, or `customers:*`. Empty means all that its role allows.
    pub scopes: Vec<String>,
    /// The last four characters of the key.
    pub hint: String,
    /// When the key expires; absent for a key that does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// While the key is being rotated: until when its previous text is valid too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Time>,
    /// When the key was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
    /// When the key was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Time>,
}

/// A key that was just created or rotated: the only answer that holds its secret text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// `key_…`
    #[serde(rename = "_id")]
    pub id: ApiKeyId,
    /// The secret text that programs send: keep it, it is not shown again.
    pub key: String,
}

/// Generates the text of a key: `sk_` and 32 random bytes.
pub(super) fn fresh(world: &World) -> String {
    format!("{BEGINNING}{}", HEXLOWER.encode(&world.bytes::<32>()))
}

/// Returns the hash of a key, which is what is stored.
pub(super) fn hash(key: &str) -> [u8; 32] {
    let digest = digest(&SHA256, key.as_bytes());
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

/// Returns a hash in hexadecimal.
pub(super) fn hex(hash: &[u8; 32]) -> String {
    HEXLOWER.encode(hash)
}

/// Returns the last characters of a key, by which people recognise it.
pub(super) fn hint(key: &str) -> String {
    key[key.len().saturating_sub(4)..].to_owned()
}

/// Checks scopes that came from outside.
///
/// # Errors
/// `BadRequest` when a scope does not name operations.
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
