//! Who vouches for people: issuers of JSON Web Tokens, as data. What makes a token good is in `engine`.

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

/// An issuer: whose tokens are believed, with which keys, and what its claims are called.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// What it calls itself in `iss`, to the letter: one name, or all of them.
    #[serde(rename = "issuer", deserialize_with = "texts")]
    pub names: Vec<String>,
    /// Its public keys.
    #[serde(rename = "jwks")]
    pub keys: KeySet,
    /// For whom its tokens must be, `aud`: one of these. Empty: whoever they are for.
    #[serde(default, deserialize_with = "texts")]
    pub audience: Vec<String>,
    /// How it signs.
    #[serde(default = "Algorithm::all", deserialize_with = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// What its claims are called.
    #[serde(default)]
    pub claims: ClaimNames,
    /// A claim with which a token is worth nothing: such as a sign-in that is not complete.
    #[serde(skip)]
    pub refuses: Option<(&'static str, Value)>,
}

/// How a token is signed. None of them has a key that both sides know.
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
    /// An issuer with the usual names of claims and any algorithm.
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
    /// All of them.
    pub fn all() -> Vec<Self> {
        vec![Self::Rs256, Self::Es256, Self::EdDsa]
    }

    /// The one that a token's header names.
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Its name in the header of a token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// The names of algorithms. Each is read by itself, so that a wrong one is named.
fn algorithms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Algorithm>, D::Error> {
    let Some(names) = Option::<OneOrMany>::deserialize(deserializer)? else { return Ok(Algorithm::all()) };
    let unknown = |name: &str| {
        de::Error::custom(format!("{name} is not an algorithm that is accepted: they are RS256, ES256 and EdDSA"))
    };
    Vec::from(names).iter().map(|name| Algorithm::parse(name).ok_or_else(|| unknown(name))).collect()
}
