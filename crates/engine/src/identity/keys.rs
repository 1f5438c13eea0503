//! An issuer's public keys: the keys of a JSON Web Key Set that can verify tokens.

use jsonwebtoken::{
    Algorithm as Signature, DecodingKey, crypto,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use kernel::Result;
use provider::auth::Algorithm;
use serde::Deserialize;
use serde_json::Value;

use super::{refused, token::Token};

/// The greatest number of keys of an issuer; real rotations have a few.
const MOST_KEYS: usize = 100;

/// The keys of an issuer.
#[derive(Default)]
pub(super) struct Keys(Vec<Key>);

/// A key. Its own kind determines how it verifies, not the header of a token.
struct Key {
    id: String,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl Keys {
    /// Parses a key set. Keys that cannot verify tokens are left out: keys without an id, of other kinds, for
    /// encryption.
    ///
    /// # Errors
    /// The reason why the text is not a key set.
    pub(super) fn parse(json: &[u8]) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| "it is not a JSON Web Key Set")?;
        if set.keys.len() > MOST_KEYS {
            return Err("it has more than 100 keys");
        }
        Ok(Self(set.keys.iter().filter_map(Key::read).collect()))
    }

    /// Returns whether there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether there is a key with this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Verifies the signature with the key that the token names.
    ///
    /// # Errors
    /// `Unauthenticated` when the key is of another kind than the signature, or did not create it.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<()> {
        let mut named = self.0.iter().filter(|key| key.id == token.key_id).peekable();
        if named.peek().is_none() {
            return Err(refused("token_key_unknown", "the token is signed with a key that its issuer does not have"));
        }
        let key = named.find(|key| key.algorithm == token.algorithm).ok_or_else(|| {
            refused("token_algorithm", "the token is signed in another way than its issuer's key of that name signs")
        })?;
        if key.made(token) {
            Ok(())
        } else {
            Err(refused("token_signature", "the signature of the token is not its issuer's"))
        }
    }
}

impl Key {
    fn read(value: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        let algorithm = fitting(&jwk.algorithm)?;
        let is = |name: &str, expected: &[&str]| match value.get(name) {
            None | Some(Value::Null) => true,
            Some(said) => said.as_str().is_some_and(|said| expected.contains(&said)),
        };
        let verifies = value.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
        });
        // Ed25519 is the newer name of EdDSA with this curve.
        let declared = match algorithm {
            Algorithm::EdDsa => is("alg", &["EdDSA", "Ed25519"]),
            Algorithm::Rs256 | Algorithm::Es256 => is("alg", &[algorithm.as_str()]),
        };
        if !(declared && verifies && is("use", &["sig"])) {
            return None;
        }
        let id = jwk.common.key_id.clone().filter(|id| !id.is_empty())?;
        Some(Self { id, algorithm, material: DecodingKey::from_jwk(&jwk).ok()? })
    }

    fn made(&self, token: &Token<'_>) -> bool {
        let algorithm = match self.algorithm {
            Algorithm::Rs256 => Signature::RS256,
            Algorithm::Es256 => Signature::ES256,
            Algorithm::EdDsa => Signature::EdDSA,
        };
        crypto::verify(token.signature, token.signed, &self.material, algorithm).unwrap_or(false)
    }
}

/// Returns the only algorithm of a key of this kind; none for kinds that are not accepted.
fn fitting(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    match parameters {
        AlgorithmParameters::RSA(_) => Some(Algorithm::Rs256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Some(Algorithm::Es256),
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Some(Algorithm::EdDsa),
        AlgorithmParameters::EllipticCurve(_)
        | AlgorithmParameters::OctetKeyPair(_)
        // A symmetric key: anyone who can verify with it could also sign.
        | AlgorithmParameters::OctetKey(_)
        | AlgorithmParameters::Other(_)
        | _ => None,
    }
}
