//! The claims of a token, under the names that its issuer gives them.

use engine::Claims;
use serde_json::{Value, json};

use super::{Door, signer::Signer};

async fn read(names: Value, claims: Value) -> Claims {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({ "claims": names }));
    door.claims(&signer.token(&door.payload(claims))).await.unwrap()
}

fn person(claims: &Claims) -> [Option<&str>; 2] {
    [claims.first_name.as_deref(), claims.last_name.as_deref()]
}

#[tokio::test]
async fn the_usual_claims_need_no_words() {
    let claims = read(
        json!({}),
        json!({
            "org_id": "org_1", "role": "staff", "email": "ada@example.com", "given_name": "Ada",
            "family_name": "Lovelace", "name": "Ada L.", "picture": "https://pictures.example/ada",
        }),
    )
    .await;
    assert_eq!(claims.organization.as_deref(), Some("org_1"));
    assert_eq!(claims.role.as_deref(), Some("staff"));
    assert_eq!(claims.email.as_deref(), Some("ada@example.com"));
    assert_eq!(person(&claims), [Some("Ada"), Some("Lovelace")]);
    assert_eq!(claims.picture.as_deref(), Some("https://pictures.example/ada"));
    let claims = read(json!({}), json!({ "organization": "org_2", "name": "Ada" })).await;
    assert_eq!(claims.organization.as_deref(), Some("org_2"));
    assert_eq!(person(&claims), [Some("Ada"), None]);
    let claims = read(json!({}), json!({})).await;
    assert_eq!((claims.organization, claims.role, claims.email), (None, None, None));
}

#[tokio::test]
async fn an_issuer_may_have_its_own_words_for_them_inside_of_others() {
    let names = json!({
        "organization": "app_metadata.tenant.id", "role": ["roles", "https://a.example/role"], "email": "mail",
        "name": "profile.name",
    });
    let claims = read(
        names.clone(),
        json!({
            "app_metadata": { "tenant": { "id": 42 } }, "org_id": "not this", "roles": ["admin", "staff"],
            "mail": "ada@example.com", "profile": { "name": "Ada King Lovelace" },
        }),
    )
    .await;
    assert_eq!(claims.organization.as_deref(), Some("42"));
    assert_eq!(claims.role.as_deref(), Some("admin"));
    assert_eq!(claims.email.as_deref(), Some("ada@example.com"));
    assert_eq!(person(&claims), [Some("Ada"), Some("King Lovelace")]);
    let claims = read(names, json!({ "https://a.example/role": "viewer", "app_metadata": "text" })).await;
    assert_eq!((claims.organization, claims.role.as_deref()), (None, Some("viewer")));
}

#[tokio::test]
async fn an_address_that_its_issuer_does_not_vouch_for_is_nobodys() {
    for (verified, email, believed) in [
        (json!(true), "ada@example.com", true),
        (json!("true"), "ada@example.com", true),
        (json!(null), "ada@example.com", true),
        (json!(false), "ada@example.com", false),
        (json!("false"), "ada@example.com", false),
        (json!(1), "ada@example.com", false),
        (json!(true), "ada", false),
        (json!(true), "ada@\u{7}example.com", false),
        (json!(true), "", false),
    ] {
        let claims = read(json!({}), json!({ "email": email, "email_verified": verified })).await;
        assert_eq!(claims.email.is_some(), believed, "{verified} {email}");
    }
}

#[tokio::test]
async fn an_organization_or_a_role_that_cannot_be_a_name_is_not_ignored() {
    let signer = Signer::ec("k");
    let door = Door::inline(&[&signer], json!({}));
    for (name, value) in [("org_id", "a\u{0}b".to_owned()), ("org_id", "a".repeat(513)), ("role", "a\nb".to_owned())] {
        let token = signer.token(&door.payload(json!({ name: value })));
        assert_eq!(door.ask(&token).await, Err("token_claims"), "{name}");
    }
    let token = signer.token(&door.payload(json!({ "name": "a\u{0}b", "picture": "a".repeat(9999) })));
    let claims = door.claims(&token).await.unwrap();
    assert_eq!((claims.first_name, claims.picture), (None, None), "what only describes is left out");
}
