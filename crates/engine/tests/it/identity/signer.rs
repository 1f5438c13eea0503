//! Keys of every kind, which sign any token that a test writes.

use std::sync::Arc;

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// A key, its public half as issuers publish it, and the header of its tokens.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) jwk: Value,
    pub(crate) header: Value,
    key: Arc<Key>,
}

enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Shared(Box<hmac::Key>),
}

impl Signer {
    pub(crate) fn rsa(id: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let parts = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let [n, e] = [parts.n, parts.e].map(|part| encode(&part));
        Self::new(id, "RS256", json!({ "kty": "RSA", "n": n, "e": e }), Key::Rsa(pair))
    }

    pub(crate) fn ec(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref()[1..].to_vec();
        let (x, y) = point.split_at(32);
        Self::new(id, "ES256", json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) }), Key::Ec(pair))
    }

    pub(crate) fn ed(id: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = encode(pair.public_key().as_ref());
        Self::new(id, "EdDSA", json!({ "kty": "OKP", "crv": "Ed25519", "x": x }), Key::Ed(pair))
    }

    /// Creates a symmetric key from these bytes.
    pub(crate) fn shared(id: &str, secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self::new(id, "HS256", json!({ "kty": "oct", "k": encode(secret) }), Key::Shared(Box::new(key)))
    }

    fn new(id: &str, algorithm: &str, mut jwk: Value, key: Key) -> Self {
        jwk["kid"] = json!(id);
        Self { jwk, header: json!({ "alg": algorithm, "kid": id }), key: Arc::new(key) }
    }

    /// Returns the public key as it is written in files, which an attacker uses as a secret.
    pub(crate) fn public_der(&self) -> Vec<u8> {
        let Key::Rsa(pair) = &*self.key else { panic!("only of RSA keys") };
        pair.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// Returns the key with another published member.
    pub(crate) fn published(mut self, name: &str, value: Value) -> Self {
        self.jwk[name] = value;
        self
    }

    /// Returns the signer with another member in the header of its tokens.
    pub(crate) fn saying(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    /// Returns a token with this header.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encode_json(header), encode_json(claims));
        format!("{text}.{}", encode(&self.sign(text.as_bytes())))
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header, claims)
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        match &*self.key {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
                signature
            }
            Key::Ec(pair) => pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec(),
            Key::Ed(pair) => pair.sign(text).as_ref().to_vec(),
            Key::Shared(key) => hmac::sign(key, text).as_ref().to_vec(),
        }
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

pub(crate) fn encode_json(value: &Value) -> String {
    encode(value.to_string().as_bytes())
}
