//! Accepted and refused tokens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod host;
mod keys;
mod refusals;
mod signer;
mod words;

use std::sync::Arc;

use engine::{Claims, Identity, World, identity::Issuers};
use kernel::{Clock, Result};
use provider::{
    auth::{self, Issuer},
    http::{Options, Transport},
};
use serde_json::{Map, Value, json};
use testkit::{TestClock, TestRandom, milliseconds};

use signer::Signer;

const ISSUER: &str = "https://issuer.example";

/// Issuers with a clock of their own.
struct Door {
    issuers: Issuers,
    clock: TestClock,
}

impl Door {
    /// Accepts the tokens of one issuer with these further settings.
    fn to(jwks: &str, more: Value) -> Self {
        let mut entry = json!({ "issuer": ISSUER, "jwks": jwks });
        entry.as_object_mut().unwrap().extend(object(more));
        Self::open(auth::issuers("AUTH_JWT_ISSUERS", &json!([entry]).to_string()).unwrap()).unwrap()
    }

    /// Accepts tokens that one of these signers signed.
    fn inline(signers: &[&Signer], more: Value) -> Self {
        Self::to(&inline(signers), more)
    }

    fn open(issuers: Vec<Issuer>) -> Result<Self> {
        let clock = TestClock::new();
        let world = World::new(Arc::new(clock.clone()), Arc::new(TestRandom::new(1)));
        let options = Options { backoff: milliseconds(1), ..Options::default() };
        let transport = Transport::new(options, Arc::new(clock.clone()), Arc::new(TestRandom::new(2)));
        Ok(Self { issuers: Issuers::new(issuers, &transport, &world)?, clock })
    }

    async fn claims(&self, token: &str) -> Result<Claims> {
        match self.issuers.identity(token).await? {
            Identity::Token(claims) => Ok((*claims).clone()),
            Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_) => {
                panic!("a token gives a token")
            }
        }
    }

    /// Returns the subject of an accepted token, or the tag of the error.
    async fn ask(&self, token: &str) -> Result<String, &'static str> {
        self.claims(token).await.map(|claims| claims.subject).map_err(|error| error.tag)
    }

    /// Returns the usual claims with `more`; a `null` in `more` removes a claim.
    fn payload(&self, more: Value) -> Value {
        let now = self.clock.now().seconds();
        let mut claims = json!({ "iss": ISSUER, "sub": "user_1", "iat": now, "exp": now + 3600 });
        let all = claims.as_object_mut().unwrap();
        all.extend(object(more));
        all.retain(|_, value| !value.is_null());
        claims
    }
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn inline(signers: &[&Signer]) -> String {
    format!("data:application/json,{}", host::set(signers).to_string().replace('%', "%25"))
}

#[tokio::test]
async fn a_token_signed_in_any_of_the_three_ways_is_believed() {
    for signer in [Signer::rsa("k"), Signer::ec("k"), Signer::ed("k")] {
        let door = Door::inline(&[&signer], json!({}));
        let claims = door.claims(&signer.token(&door.payload(json!({ "org_id": "org_1", "role": "admin" })))).await;
        let claims = claims.unwrap();
        assert_eq!((claims.issuer.as_str(), claims.subject.as_str()), (ISSUER, "user_1"));
        assert_eq!((claims.organization.as_deref(), claims.role.as_deref()), (Some("org_1"), Some("admin")));
        assert_eq!(claims.expires_at, door.clock.now() + testkit::hours(1));
        assert_eq!(claims.all["iss"], ISSUER);
    }
}

#[tokio::test]
async fn the_tokens_that_other_tests_use_are_believed() {
    let tokens = testkit::Tokens::new();
    let mut door = Door::open(auth::issuers("AUTH_JWT_ISSUERS", &tokens.issuer_json()).unwrap()).unwrap();
    let tokens = tokens.with_clock(door.clock.clone());
    let token = tokens.token("user_1", json!({ "email": "ada@example.com", "org_id": "org_1" }));
    assert_eq!(door.claims(&token).await.unwrap().email.as_deref(), Some("ada@example.com"));
    assert_eq!(door.ask(&tokens.forged().token("user_1", json!({}))).await, Err("token_signature"));
    assert_eq!(door.ask(&tokens.token("user_1", json!({ "aud": "other" }))).await, Err("token_audience"));
    let short = tokens.token_until("user_1", json!({}), door.clock.now() + testkit::minutes(1));
    door.clock.advance(testkit::minutes(2));
    assert_eq!(door.ask(&short).await, Err("token_expired"));
    door = Door::open(auth::issuers("AUTH_JWT_ISSUERS", "[]").unwrap()).unwrap();
    assert!(door.issuers.is_empty());
    assert_eq!(door.ask(&token).await, Err("token_issuer_unknown"));
}

#[tokio::test]
async fn each_issuer_has_its_own_keys_and_all_of_its_names() {
    let (one, other) = (Signer::ec("k"), Signer::ec("k"));
    let list = json!([
        { "issuer": [ISSUER, "https://issuer.example/"], "jwks": inline(&[&one]) },
        { "issuer": "https://other.example", "jwks": inline(&[&other]) },
    ]);
    let door = Door::open(auth::issuers("AUTH_JWT_ISSUERS", &list.to_string()).unwrap()).unwrap();
    let from = |issuer: &str| door.payload(json!({ "iss": issuer }));
    for name in [ISSUER, "https://issuer.example/"] {
        assert_eq!(door.claims(&one.token(&from(name))).await.unwrap().issuer, name);
    }
    assert_eq!(door.ask(&other.token(&from("https://other.example"))).await.as_deref(), Ok("user_1"));
    assert_eq!(door.ask(&one.token(&from("https://other.example"))).await, Err("token_signature"));
    for name in ["https://issuer.example//", "HTTPS://issuer.example", "issuer.example", "", "https://issuer.example "]
    {
        assert_eq!(door.ask(&one.token(&from(name))).await, Err("token_issuer_unknown"), "{name:?}");
    }
    assert_eq!(
        format!("{:?}", door.issuers),
        r#"{"https://issuer.example", "https://issuer.example/", "https://other.example"}"#
    );
}
