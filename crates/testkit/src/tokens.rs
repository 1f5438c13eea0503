//! An issuer of tokens for tests: one key, and tokens signed with it.

use std::sync::Arc;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use engine::SystemClock;
use kernel::{Clock, Time};
use serde_json::{Map, Value, json};

use crate::{hours, seconds};

/// Issues tokens by ES256. Clones share the key, another `new` has another one.
///
/// ```
/// # use serde_json::json;
/// let tokens = testkit::Tokens::new();
/// let setting = tokens.issuer_json(); // for AUTH_JWT_ISSUERS
/// let token = tokens.token("user_1", json!({ "org_id": "org_1", "role": "admin", "email": "ada@example.com" }));
/// # assert!(setting.starts_with('[') && token.contains('.'));
/// ```
#[derive(Clone)]
pub struct Tokens {
    issuer: String,
    key: Arc<EcdsaKeyPair>,
    clock: Arc<dyn Clock>,
}

impl Tokens {
    /// The name of the issuer, unless [`Tokens::of`] gave it another one.
    pub const ISSUER: &'static str = "https://issuer.test";
    /// The audience of the tokens.
    pub const AUDIENCE: &'static str = "trunkline";
    /// The name of the key.
    pub const KEY_ID: &'static str = "key-1";

    /// Creates an issuer with a new key, whose tokens are valid for an hour from now.
    pub fn new() -> Self {
        Self::of(Self::ISSUER)
    }

    /// Creates an issuer with this name.
    pub fn of(issuer: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
        Self { issuer: issuer.to_owned(), key: Arc::new(key), clock: Arc::new(SystemClock) }
    }

    /// Returns the same issuer, with this clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Returns an issuer of the same name with another key, as an impostor would have.
    #[must_use]
    pub fn forged(&self) -> Self {
        Self { clock: self.clock.clone(), ..Self::of(&self.issuer) }
    }

    /// Returns the value of `AUTH_JWT_ISSUERS` with this issuer.
    pub fn issuer_json(&self) -> String {
        json!([self.entry()]).to_string()
    }

    /// Returns this issuer's element of that list.
    pub fn entry(&self) -> Value {
        let keys = BASE64.encode(self.jwks().to_string().as_bytes());
        let keys = format!("data:application/json;base64,{keys}");
        json!({ "issuer": self.issuer, "jwks": keys, "audience": Self::AUDIENCE })
    }

    /// Returns the public key, as issuers publish it.
    pub fn jwks(&self) -> Value {
        // An uncompressed point of the curve: the byte 4, then both coordinates.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| BASE64URL_NOPAD.encode(half));
        let key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": Self::KEY_ID, "alg": "ES256" });
        json!({ "keys": [key] })
    }

    /// Returns a token for `subject` with these claims, valid for an hour. They replace the usual claims of the same
    /// name (`iss`, `aud`, `iat`, `exp`), and remove them where `claims` has `null`.
    pub fn token(&self, subject: &str, claims: Value) -> String {
        let now = self.clock.now();
        self.token_until(subject, claims, now + hours(1))
    }

    /// Returns such a token that expires at `end`.
    pub fn token_until(&self, subject: &str, claims: Value, end: Time) -> String {
        let issued = self.clock.now() - seconds(1);
        let mut all = json!({
            "iss": self.issuer, "sub": subject, "aud": Self::AUDIENCE, "iat": issued.seconds(), "exp": end.seconds(),
        });
        let all = all.as_object_mut().expect("claims are an object");
        all.extend(object(claims));
        all.retain(|_, claim| !claim.is_null());
        self.sign(&json!({ "alg": "ES256", "typ": "JWT", "kid": Self::KEY_ID }), &json!(all))
    }

    /// Returns a signed token with this header and payload.
    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        let [header, payload] = [header, payload].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
        let text = format!("{header}.{payload}");
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("the key signs");
        format!("{text}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

fn object(claims: Value) -> Map<String, Value> {
    match claims {
        Value::Object(claims) => claims,
        Value::Null => Map::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => panic!("claims are an object"),
    }
}
