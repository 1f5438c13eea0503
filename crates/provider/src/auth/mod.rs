//! Issuers of JSON Web Tokens, as data. The verification of tokens is in `engine`.

mod claims;
mod keys;
mod list;
mod one_or_many;
mod vendor;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

pub use claims::ClaimNames;
pub use keys::KeySet;
pub use list::issuers;
pub use vendor::{Issuing, TokenSettings};

use one_or_many::{OneOrMany, texts};

/// An issuer whose tokens are accepted: its names, its keys, and the names of its claims.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The values of `iss` that its tokens may have, compared exactly.
    #[serde(rename = "issuer", deserialize_with = "texts")]
    pub names: Vec<String>,
    /// Its public keys.
    #[serde(rename = "jwks")]
    pub keys: KeySet,
    /// The accepted values of `aud`; empty accepts every audience.
    #[serde(default, deserialize_with = "texts")]
    pub audience: Vec<String>,
    /// The accepted signature algorithms.
    #[serde(default = "Algorithm::all", deserialize_with = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// The names of its claims.
    #[serde(default)]
    pub claims: ClaimNames,
    /// A claim that makes a token invalid, such as one that marks an incomplete sign-in.
    #[serde(skip)]
    pub refuses: Option<(&'static str, Value)>,
}

/// A signature algorithm of tokens. All of them are asymmetric: Trunkline never knows a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS #1 1.5, SHA-256.
    Rs256,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Issuer {
    /// Creates an issuer with the usual names of claims and every algorithm.
    pub fn new(names: impl IntoIterator<Item = String>, keys: KeySet) -> Self {
        Self {
            names: names.into_iter().collect(),
            keys,
            audience: Vec::new(),
            algorithms: Algorithm::all(),
            claims: ClaimNames::default(),
            refuses: None,
        }
    }
}

impl Algorithm {
    /// Returns all algorithms.
    pub fn all() -> Vec<Self> {
        vec![Self::Rs256, Self::Es256, Self::EdDsa]
    }

    /// Returns the algorithm that a token's header names.
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Returns the name in the header of a token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Reads the names of algorithms, each by itself, so that the error names the wrong one.
fn algorithms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Algorithm>, D::Error> {
    let Some(names) = Option::<OneOrMany>::deserialize(deserializer)? else { return Ok(Algorithm::all()) };
    let unknown = |name: &str| {
        de::Error::custom(format!("{name} is not an algorithm that is accepted: they are RS256, ES256 and EdDSA"))
    };
    Vec::from(names).iter().map(|name| Algorithm::parse(name).ok_or_else(|| unknown(name))).collect()
}
