//! The issuers that vendors bring, with tokens as in the vendors' documentation, and tokens of the package that
//! products create theirs with.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use engine::{Claims, Identity, SystemClock, SystemRandom, World, identity::Issuers};
use kernel::Result;
use provider::{
    auth::{self, Issuer},
    http::{Options, Transport},
    settings::Variables,
};
use serde_json::{Value, json};
use testkit::Tokens;

use crate::harness::Standins;

/// A vendor's host, which publishes the keys of one issuer at any path.
struct Host {
    url: String,
    tokens: Tokens,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Host {
    /// Creates a host, and the issuer whose name follows from the host's address.
    fn new(name: impl Fn(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let tokens = Tokens::of(&name(&url));
        let (keys, asked) = (tokens.jwks().to_string(), Arc::new(Mutex::new(Vec::new())));
        let seen = asked.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let mut connection = connection;
                let mut head = [0; 4096];
                let length = connection.read(&mut head).unwrap_or(0);
                let line = String::from_utf8_lossy(&head[..length]).lines().next().unwrap_or_default().to_owned();
                seen.lock().expect("nobody panicked").push(line);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", keys.len());
                let _ = connection.write_all(format!("{head}{keys}").as_bytes());
            }
        });
        Self { url, tokens, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

/// Returns the issuers that these variables configure.
fn brought(variables: &[(&str, &str)]) -> Result<Vec<Issuer>> {
    let variables: Variables = variables.iter().copied().collect();
    let all: Result<Vec<_>> = vendors::all().iter().map(|vendor| vendor.issuers(&variables)).collect();
    Ok(all?.concat())
}

fn ask(issuers: Vec<Issuer>, token: &str) -> Result<Claims> {
    let transport = Transport::new(Options::default(), Arc::new(SystemClock), Arc::new(SystemRandom));
    let issuers = Issuers::new(issuers, &transport, &World::system())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    match runtime.block_on(issuers.identity(token))? {
        Identity::Token(claims) => Ok((*claims).clone()),
        Identity::Anonymous | Identity::Key(_) | Identity::Operator(_) | Identity::Job(_) => {
            panic!("a token gives a token")
        }
    }
}

#[test]
fn work_os_is_believed_under_each_of_its_names_and_asked_for_the_keys_of_its_client() {
    let names: [fn(&str) -> String; 4] = [
        str::to_owned,
        |url| format!("{url}/"),
        |url| format!("{url}/user_management/client_1"),
        |_| "https://auth.example.com".to_owned(),
    ];
    for name in names {
        let host = Host::new(name);
        let issuers = brought(&[
            ("WORKOS_CLIENT_ID", "client_1"),
            ("WORKOS_API_BASE", &host.url),
            ("WORKOS_JWT_ISSUERS", "https://auth.example.com"),
        ]);
        let token = host.tokens.token(
            "user_01",
            json!({
                "aud": null, "sid": "session_01", "org_id": "org_01", "role": "admin", "roles": ["admin"],
                "permissions": ["posts:read"], "jti": "01J",
            }),
        );
        let claims = ask(issuers.expect("they are complete"), &token).expect("it is believed");
        assert_eq!(claims.subject, "user_01");
        assert_eq!((claims.organization.as_deref(), claims.role.as_deref()), (Some("org_01"), Some("admin")));
        assert_eq!(host.asked(), ["GET /sso/jwks/client_1 HTTP/1.1"]);
    }
    let usual = brought(&[("WORKOS_CLIENT_ID", "client_1")]).expect("the client id is enough");
    let expected =
        ["https://api.workos.com", "https://api.workos.com/", "https://api.workos.com/user_management/client_1"];
    assert_eq!(usual[0].names, expected);
    let other = Host::new(|url| format!("{url}/user_management/client_2"));
    let issuers = brought(&[("WORKOS_CLIENT_ID", "client_1"), ("WORKOS_API_BASE", &other.url)]);
    let error = ask(issuers.expect("they are complete"), &other.tokens.token("user_01", json!({ "aud": null })));
    assert_eq!(error.expect_err("another client's").tag, "token_issuer_unknown");
}

#[test]
fn clerk_is_believed_in_both_versions_of_its_claims() {
    let host = Host::new(str::to_owned);
    let issuers = || brought(&[("CLERK_JWT_ISSUER_DOMAIN", &format!("{}/", host.url))]).expect("it is complete");
    let first = host.tokens.token(
        "user_1",
        json!({
            "aud": null, "azp": "https://app.example.com", "sid": "sess_1", "org_id": "org_1", "org_slug": "acme",
            "org_role": "org:admin", "org_permissions": ["org:teams:read"],
        }),
    );
    let claims = ask(issuers(), &first).expect("version 1 is believed");
    assert_eq!((claims.organization.as_deref(), claims.role.as_deref()), (Some("org_1"), Some("admin")));
    let second = |more: Value| {
        let mut claims = json!({
            "aud": null, "azp": "https://app.example.com", "sid": "sess_1", "v": 2, "fva": [0, -1], "pla": "o:pro",
            "fea": "o:dashboard,o:teams",
            "o": { "id": "org_2", "slg": "acme", "rol": "member", "per": "manage,read", "fpm": "3,2" },
        });
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        host.tokens.token("user_1", claims)
    };
    let claims = ask(issuers(), &second(json!({ "sts": "active" }))).expect("version 2 is believed");
    assert_eq!((claims.organization.as_deref(), claims.role.as_deref()), (Some("org_2"), Some("member")));
    let claims = ask(issuers(), &second(json!({ "o": null }))).expect("without an organization too");
    assert_eq!((claims.organization, claims.role), (None, None));
    let pending = ask(issuers(), &second(json!({ "sts": "pending" }))).expect_err("the sign-in is not complete");
    assert_eq!(pending.tag, "token_incomplete");
    assert_eq!(host.asked()[0], "GET /.well-known/jwks.json HTTP/1.1");
    let known = brought(&[("CLERK_JWT_ISSUER_DOMAIN", "example.clerk.accounts.dev")]).expect("as people type it");
    assert_eq!(known[0].names, ["https://example.clerk.accounts.dev"]);
}

#[test]
fn clerks_template_may_say_for_whom_its_tokens_are() {
    let host = Host::new(str::to_owned);
    let issuers = || brought(&[("CLERK_JWT_ISSUER_DOMAIN", &host.url), ("CLERK_JWT_AUDIENCE", "convex")]);
    let token = |audience: Value| {
        host.tokens.token("user_1", json!({ "aud": audience, "email": "ada@example.com", "given_name": "Ada" }))
    };
    let claims = ask(issuers().expect("it is complete"), &token(json!("convex"))).expect("it is for us");
    assert_eq!((claims.email.as_deref(), claims.first_name.as_deref()), (Some("ada@example.com"), Some("Ada")));
    let error = ask(issuers().expect("it is complete"), &token(json!(null))).expect_err("it is for nobody");
    assert_eq!(error.tag, "token_audience");
}

#[test]
fn supabase_is_believed_about_what_only_a_server_writes() {
    let host = Host::new(|url| format!("{url}/auth/v1"));
    let issuers = || brought(&[("NEXT_PUBLIC_SUPABASE_URL", &host.url)]).expect("it is complete");
    let token = host.tokens.token(
        "7e1f",
        json!({
            "aud": "authenticated", "role": "authenticated", "email": "ada@example.com", "aal": "aal1",
            "session_id": "s1", "is_anonymous": false,
            "app_metadata": { "provider": "google", "org_id": "org_1", "role": "viewer" },
            "user_metadata": { "full_name": "Ada Lovelace", "avatar_url": "https://a.example/p", "org_id": "org_9" },
        }),
    );
    let claims = ask(issuers(), &token).expect("it is believed");
    assert_eq!((claims.organization.as_deref(), claims.role.as_deref()), (Some("org_1"), Some("viewer")));
    assert_eq!((claims.first_name.as_deref(), claims.last_name.as_deref()), (Some("Ada"), Some("Lovelace")));
    assert_eq!(claims.picture.as_deref(), Some("https://a.example/p"));
    assert_eq!(host.asked(), ["GET /auth/v1/.well-known/jwks.json HTTP/1.1"]);
    let plain = json!({ "aud": "authenticated", "role": "authenticated", "user_metadata": { "role": "owner" } });
    let claims = ask(issuers(), &host.tokens.token("7e1f", plain)).expect("it is believed");
    assert_eq!((claims.organization, claims.role), (None, None));
    let anonymous = host.tokens.token("7e1f", json!({ "aud": "anon" }));
    assert_eq!(ask(issuers(), &anonymous).expect_err("not a person's").tag, "token_audience");
}

#[test]
fn auth0_is_believed_about_tokens_for_our_api() {
    let host = Host::new(|url| format!("{url}/"));
    let issuers = || {
        brought(&[("AUTH0_DOMAIN", &host.url), ("AUTH0_AUDIENCE", "https://api.example.com")]).expect("it is complete")
    };
    let token = |audience: Value| {
        host.tokens.token("auth0|1", json!({ "aud": audience, "org_id": "org_1", "permissions": ["read:x"] }))
    };
    let own = token(json!(["https://api.example.com", "https://example.eu.auth0.com/userinfo"]));
    assert_eq!(ask(issuers(), &own).expect("it is for us").organization.as_deref(), Some("org_1"));
    let other = token(json!("https://example.eu.auth0.com/userinfo"));
    assert_eq!(ask(issuers(), &other).expect_err("it is for Auth0").tag, "token_audience");
    let known =
        brought(&[("AUTH0_DOMAIN", "example.eu.auth0.com"), ("AUTH0_AUDIENCE", "x")]).expect("as people type it");
    assert_eq!(known[0].names, ["https://example.eu.auth0.com/"]);
}

#[test]
fn half_of_an_issuers_settings_and_plain_http_are_named() {
    for (variables, named) in [
        (&[("AUTH0_DOMAIN", "example.eu.auth0.com")][..], "AUTH0_AUDIENCE"),
        (&[("WORKOS_API_BASE", "https://api.workos.com")][..], "WORKOS_CLIENT_ID"),
        (&[("CLERK_JWT_ISSUER_DOMAIN", "http://clerk.example.com")][..], "CLERK_JWT_ISSUER_DOMAIN"),
        (&[("NEXT_PUBLIC_SUPABASE_URL", "http://supabase.example.com")][..], "NEXT_PUBLIC_SUPABASE_URL"),
        (&[("WORKOS_CLIENT_ID", "c"), ("WORKOS_API_BASE", "http://10.0.0.1")][..], "WORKOS_API_BASE"),
    ] {
        let error = brought(variables).expect_err("it cannot be used");
        assert_eq!(error.code, kernel::Code::Config);
        assert!(error.message.contains(named), "{error:?}");
    }
}

#[test]
fn tokens_that_the_package_jose_mints_are_believed() {
    let Some(standins) = Standins::find() else { return };
    let requests = ["RS256", "ES256", "EdDSA"].map(|algorithm| {
        let claims = json!({
            "iss": "https://issuer.example", "sub": "user_1", "aud": ["app"], "org_id": "org_1", "role": "staff",
            "email": "ada@example.com", "name": "Ada Lövelace",
        });
        json!({ "alg": algorithm, "kid": format!("key-{algorithm}"), "claims": claims })
    });
    let minted = standins.mint(&requests);
    let keys: Vec<_> = minted.iter().map(|minted| &minted["jwk"]).collect();
    let keys = format!("data:application/json,{}", json!({ "keys": keys }));
    let list = json!([{ "issuer": "https://issuer.example", "jwks": keys, "audience": "app" }]).to_string();
    for minted in &minted {
        let issuers = auth::issuers("AUTH_JWT_ISSUERS", &list).expect("the list can be read");
        let claims = ask(issuers, minted["token"].as_str().expect("a token")).expect("it is believed");
        assert_eq!((claims.subject.as_str(), claims.organization.as_deref()), ("user_1", Some("org_1")));
        assert_eq!(claims.last_name.as_deref(), Some("Lövelace"));
    }
}
