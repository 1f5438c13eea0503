//! Refused tokens, and the tags of their errors.

use kernel::{Code, Random};
use serde_json::{Value, json};
use testkit::{TestRandom, seconds};

use super::{
    Door, inline,
    signer::{Signer, encode, encode_json},
};

#[tokio::test]
async fn what_is_not_a_token_is_refused() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    let good = signer.token(&door.payload(json!({})));
    let header = encode_json(&signer.header);
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "sk_0123456789".to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen('.', "..", 1),
        good[..good.len() - 1].to_owned(),
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{header}.{}.AA", encode(b"[1]")),
        format!("{header}.{}.AA", encode(b"{\"iss\":")),
        format!("{header}.{}.AA", encode(b"\xff\xfe")),
        format!("{}.{}.AA", encode(b"[\"ES256\",\"k\"]"), encode(b"{}")),
        format!("{header}.{}.AA", encode(format!("{}1{}", "[".repeat(4000), "]".repeat(4000)).as_bytes())),
    ] {
        assert_eq!(door.ask(&text).await, Err("token_malformed"), "{text}");
    }
    let error = door.issuers.identity("x.y.z").await.unwrap_err();
    assert_eq!((error.code, error.to_string().contains("x.y.z")), (Code::Unauthenticated, false));
}

#[tokio::test]
async fn a_token_may_be_as_long_as_headers_are() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    let long = |length: usize| signer.token(&door.payload(json!({ "x": "a".repeat(length) })));
    assert!(long(11_900).len() < 16 * 1024);
    assert_eq!(door.ask(&long(11_900)).await.as_deref(), Ok("user_1"));
    assert!(long(12_300).len() > 16 * 1024);
    assert_eq!(door.ask(&long(12_300)).await, Err("token_malformed"));
}

#[tokio::test]
async fn a_token_that_is_not_signed_or_with_a_shared_secret_is_refused() {
    let rsa = Signer::rsa("k");
    let door = Door::inline(&[&rsa], json!({}));
    let payload = door.payload(json!({}));
    for none in ["none", "None", "NONE", "", "HS256", "HS512", "RS1", "ES384", "PS256", "rs256"] {
        let text = format!("{}.{}", encode_json(&json!({ "alg": none, "kid": "k" })), encode_json(&payload));
        assert_eq!(door.ask(&format!("{text}.")).await, Err("token_algorithm"), "{none}");
        assert_eq!(door.ask(&format!("{text}.{}", encode(&[0; 64]))).await, Err("token_algorithm"), "{none}");
    }
    // A known attack: the public key is used as the secret of HMAC.
    let trick = Signer::shared("k", &rsa.public_der());
    assert_eq!(door.ask(&trick.token(&payload)).await, Err("token_algorithm"));
    let trick = trick.saying("alg", json!("RS256"));
    assert_eq!(door.ask(&trick.token(&payload)).await, Err("token_signature"));
    for header in [json!({ "kid": "k" }), json!({ "alg": 1, "kid": "k" }), json!({ "alg": null, "kid": "k" })] {
        let text = format!("{}.{}.AA", encode_json(&header), encode_json(&payload));
        assert_eq!(door.ask(&text).await, Err("token_algorithm"));
    }
}

#[tokio::test]
async fn a_key_signs_in_its_own_way_only() {
    let (rsa, ec, ed) = (Signer::rsa("rsa"), Signer::ec("ec"), Signer::ed("ed"));
    let door = Door::inline(&[&rsa, &ec, &ed], json!({}));
    let payload = door.payload(json!({}));
    for signer in [&rsa, &ec, &ed] {
        for (id, algorithm) in [("rsa", "RS256"), ("ec", "ES256"), ("ed", "EdDSA")] {
            for said in ["RS256", "ES256", "EdDSA"] {
                let mut header = signer.header.clone();
                let own = (header["kid"] == id, header["alg"] == said);
                header["kid"] = json!(id);
                header["alg"] = json!(said);
                // Signed again, so that only the choice of the key is wrong.
                let token = signer.token_with(&header, &payload);
                let expected = match own {
                    (true, true) => Ok("user_1".to_owned()),
                    _ if algorithm == said => Err("token_signature"),
                    _ => Err("token_algorithm"),
                };
                assert_eq!(door.ask(&token).await, expected, "{id} {said}");
            }
        }
    }
    let only = Door::inline(&[&rsa, &ec], json!({ "algorithms": ["ES256"] }));
    assert_eq!(only.ask(&ec.token(&payload)).await.as_deref(), Ok("user_1"));
    assert_eq!(only.ask(&rsa.token(&payload)).await, Err("token_algorithm"), "its issuer does not sign so");
}

#[tokio::test]
async fn a_key_that_is_declared_for_something_else_verifies_nothing() {
    let (usable, plain) = (Signer::ec("usable"), Signer::rsa("k"));
    for (name, value, verifies) in [
        ("use", json!("sig"), true),
        ("use", json!("enc"), false),
        ("use", json!("other"), false),
        ("use", json!(1), false),
        ("alg", json!("RS256"), true),
        ("alg", json!("RS512"), false),
        ("alg", json!("PS256"), false),
        ("alg", json!("HS256"), false),
        ("alg", json!("RSA-OAEP"), false),
        ("key_ops", json!(["verify"]), true),
        ("key_ops", json!(["encrypt"]), false),
        ("kid", json!(""), false),
        ("kid", json!(7), false),
        ("n", json!("!!"), false),
        ("x5c", json!(["anything"]), true),
        ("future", json!({ "a": 1 }), true),
    ] {
        let signer = plain.clone().published(name, value.clone());
        let door = Door::inline(&[&usable, &signer], json!({}));
        let expected = if verifies { Ok("user_1".to_owned()) } else { Err("token_key_unknown") };
        assert_eq!(door.ask(&signer.token(&door.payload(json!({})))).await, expected, "{name} {value}");
    }
    let shared = Signer::shared("s", b"0123456789abcdef0123456789abcdef");
    let door = Door::inline(&[&usable, &shared], json!({}));
    assert_eq!(door.ask(&shared.token(&door.payload(json!({})))).await, Err("token_algorithm"));
    let newer = Signer::ed("k").published("alg", json!("Ed25519"));
    let door = Door::inline(&[&newer], json!({}));
    assert_eq!(door.ask(&newer.token(&door.payload(json!({})))).await.as_deref(), Ok("user_1"));
}

#[tokio::test]
async fn a_header_names_its_key_and_asks_for_nothing_that_is_not_understood() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    for (name, value, expected) in [
        ("kid", json!(null), Err("token_key_missing")),
        ("kid", json!(""), Err("token_key_missing")),
        ("kid", json!(["k"]), Err("token_key_missing")),
        ("kid", json!("other"), Err("token_key_unknown")),
        ("crit", json!(["b64"]), Err("token_malformed")),
        ("crit", json!(null), Err("token_malformed")),
        ("typ", json!("JWT"), Ok("user_1".to_owned())),
        ("typ", json!("at+jwt"), Ok("user_1".to_owned())),
        ("typ", json!("application/at+JWT"), Ok("user_1".to_owned())),
        ("typ", json!("logout+jwt"), Err("token_malformed")),
        ("typ", json!(1), Err("token_malformed")),
        ("oiat", json!(1), Ok("user_1".to_owned())),
        // Keys come from the issuer's own address, never from the token.
        ("jwk", Signer::ec("k").jwk, Ok("user_1".to_owned())),
        ("jku", json!("https://evil.example/keys"), Ok("user_1".to_owned())),
    ] {
        let mut header = signer.header.clone();
        header[name] = value.clone();
        let token = signer.token_with(&header, &door.payload(json!({})));
        assert_eq!(door.ask(&token).await, expected, "{name} {value}");
    }
}

#[tokio::test]
async fn a_token_is_believed_between_its_moments_and_the_clocks_may_differ_by_five_seconds() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    let now = testkit::TestClock::new();
    let seconds_of = |offset: i64| kernel::Clock::now(&now).seconds() + offset;
    let good = || Ok("user_1".to_owned());
    for (name, value, expected) in [
        ("exp", json!(seconds_of(1)), good()),
        ("exp", json!(seconds_of(0)), good()),
        ("exp", json!(seconds_of(-4)), good()),
        ("exp", json!(seconds_of(-5)), Err("token_expired")),
        ("exp", json!(0), Err("token_expired")),
        ("exp", json!(-1), Err("token_expired")),
        ("exp", json!(i64::MIN), Err("token_expired")),
        ("exp", json!(u64::MAX), good()),
        ("exp", json!(1e300), good()),
        ("exp", json!(-1e300), Err("token_expired")),
        ("exp", json!(seconds_of(60).to_string()), Err("token_malformed")),
        ("exp", json!(true), Err("token_malformed")),
        ("exp", json!(null), Err("token_malformed")),
        ("nbf", json!(seconds_of(5)), good()),
        ("nbf", json!(seconds_of(6)), Err("token_not_yet_valid")),
        ("nbf", json!("soon"), Err("token_malformed")),
    ] {
        let token = signer.token(&door.payload(json!({ name: value })));
        assert_eq!(door.ask(&token).await, expected, "{name} {value}");
    }
    let fraction = door.payload(json!({ "exp": 1_767_268_800.5 }));
    assert_eq!(door.claims(&signer.token(&fraction)).await.unwrap().expires_at.ms(), 1_767_268_800_500);
}

#[tokio::test]
async fn who_is_here_goes_when_the_token_says_so_and_who_comes_just_after_has_what_the_clocks_may_differ_by() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    let token = signer.token(&door.payload(json!({})));
    let end = door.claims(&token).await.unwrap().expires_at;
    door.clock.set(end);
    assert_eq!(door.claims(&token).await.unwrap().expires_at, end + seconds(5));
    door.clock.advance(seconds(5));
    assert_eq!(door.ask(&token).await, Err("token_expired"));
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({ "audience": ["app", "api"] }));
    let good = || Ok("user_1".to_owned());
    for (audience, expected) in [
        (json!("app"), good()),
        (json!("api"), good()),
        (json!(["other", "api"]), good()),
        (json!("APP"), Err("token_audience")),
        (json!("ap"), Err("token_audience")),
        (json!("app api"), Err("token_audience")),
        (json!(["other"]), Err("token_audience")),
        (json!([]), Err("token_audience")),
        (json!([["app"]]), Err("token_audience")),
        (json!({ "app": true }), Err("token_audience")),
        (json!(null), Err("token_audience")),
    ] {
        let token = signer.token(&door.payload(json!({ "aud": audience })));
        assert_eq!(door.ask(&token).await, expected, "{audience}");
    }
    let open = Door::inline(&[&signer], json!({}));
    assert_eq!(open.ask(&signer.token(&open.payload(json!({ "aud": "anybody" })))).await, good());
}

#[tokio::test]
async fn a_token_says_whose_it_is() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    for subject in [json!(null), json!(""), json!(7), json!(["a"]), json!("a\u{0}b"), json!("a".repeat(513))] {
        let token = signer.token(&door.payload(json!({ "sub": subject })));
        assert_eq!(door.ask(&token).await, Err("token_subject"), "{subject}");
    }
    for issuer in [json!(null), json!(7), json!([super::ISSUER])] {
        let token = signer.token(&door.payload(json!({ "iss": issuer })));
        assert_eq!(door.ask(&token).await, Err("token_issuer_unknown"), "{issuer}");
    }
}

#[tokio::test]
async fn not_one_bit_of_a_token_can_be_changed() {
    for signer in [Signer::rsa("k"), Signer::ec("k"), Signer::ed("k")] {
        let door = Door::inline(&[&signer], json!({}));
        let token = signer.token(&door.payload(json!({})));
        assert_eq!(door.ask(&token).await.as_deref(), Ok("user_1"));
        for place in 0..token.len() {
            for bit in 0..8 {
                let mut changed = token.clone().into_bytes();
                changed[place] ^= 1 << bit;
                // Bytes that are not text never reach the parser.
                let Ok(changed) = String::from_utf8(changed) else { continue };
                let error = door.issuers.identity(&changed).await.expect_err("a changed token is refused");
                assert_eq!(error.code, Code::Unauthenticated, "{place} {bit}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_text_comes_it_is_refused_and_nothing_breaks() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    let good = signer.token(&door.payload(json!({})));
    let chance = TestRandom::new(7);
    let dice = move |sides: usize| {
        let mut bytes = [0; 8];
        chance.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % sides as u64).unwrap()
    };
    let letters: Vec<char> = "eyJ.hbGciOi{}[]\":,_-=+/ \u{e9}\u{0}\u{1f600}".chars().collect();
    for _ in 0..3000 {
        let mut text: Vec<char> = if dice(2) == 0 { good.chars().collect() } else { Vec::new() };
        for _ in 0..=dice(40) {
            let place = dice(text.len() + 1);
            match dice(3) {
                0 => text.insert(place, letters[dice(letters.len())]),
                1 if place < text.len() => drop(text.remove(place)),
                _ if place < text.len() => text[place] = letters[dice(letters.len())],
                _ => text.push(letters[dice(letters.len())]),
            }
        }
        let text: String = text.into_iter().collect();
        if text != good {
            assert_eq!(door.issuers.identity(&text).await.unwrap_err().code, Code::Unauthenticated, "{text}");
        }
    }
}

#[tokio::test]
async fn keys_that_were_written_down_must_be_usable() {
    let many: Vec<Value> = (0..101).map(|number| Signer::ed(&number.to_string()).jwk).collect();
    for (keys, said) in [
        (json!({}), "not a JSON Web Key Set"),
        (json!([]), "not a JSON Web Key Set"),
        (json!({ "keys": "none" }), "not a JSON Web Key Set"),
        (json!({ "keys": [] }), "none of its keys"),
        (json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "k" }, 7, null] }), "none of its keys"),
        (json!({ "keys": many }), "more than 100 keys"),
        (json!({ "keys": [], "x": "a".repeat(1 << 20) }), "larger than 1 MiB"),
    ] {
        let list = json!([{ "issuer": "https://a.example", "jwks": format!("data:,{keys}") }]);
        let issuers = provider::auth::issuers("AUTH_JWT_ISSUERS", &list.to_string()).unwrap();
        let error = Door::open(issuers).err().expect("the keys cannot be used");
        assert_eq!(error.code, Code::Config);
        assert!(error.message.contains("https://a.example") && error.message.contains(said), "{error}");
    }
    let missing = json!([{ "issuer": "https://a.example", "jwks": "/nowhere/jwks.json" }]);
    let issuers = provider::auth::issuers("AUTH_JWT_ISSUERS", &missing.to_string()).unwrap();
    let error = Door::open(issuers).err().expect("there is no such file");
    assert!(error.message.contains("/nowhere/jwks.json"), "{error}");
    let good = Signer::ec("k");
    assert!(Door::to(&inline(&[&good]), json!({})).ask("x").await.is_err());
}
