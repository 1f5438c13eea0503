//! The operator's own list of issuers.

use std::collections::BTreeSet;

use kernel::{Error, Result};

use super::Issuer;

/// The greatest number of issuers; the keys of each take memory.
const MOST_ISSUERS: usize = 100;

/// Parses the value of `variable`: a JSON list of issuers, `{issuer, jwks, audience, algorithms, claims}`.
///
/// # Errors
/// `Config`, naming the variable and what is wrong.
pub fn issuers(variable: &str, json: &str) -> Result<Vec<Issuer>> {
    let wrong = |why: String| Error::config("issuers_malformed", format!("{variable} cannot be used: {why}"));
    let issuers: Vec<Issuer> = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    if issuers.len() > MOST_ISSUERS {
        return Err(wrong(format!("it names more than {MOST_ISSUERS} issuers")));
    }
    let mut seen = BTreeSet::new();
    for issuer in &issuers {
        if issuer.names.is_empty() || issuer.names.iter().any(|name| name.trim().is_empty()) {
            return Err(wrong("an issuer has no name: `issuer` is what stands in `iss`".to_owned()));
        }
        if issuer.algorithms.is_empty() {
            return Err(wrong(format!("{} has no algorithms: leave them out for all", issuer.names[0])));
        }
        if let Some(name) = issuer.names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(wrong(format!("{name} is there twice: an issuer can have several keys and audiences")));
        }
    }
    Ok(issuers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Algorithm, KeySet};

    fn read(json: &str) -> Result<Vec<Issuer>> {
        issuers("AUTH_JWT_ISSUERS", json)
    }

    #[test]
    fn an_issuer_needs_its_name_and_its_keys() {
        let list = read(r#"[{"issuer":"https://a.example","jwks":"https://a.example/jwks"}]"#).unwrap();
        let address = KeySet::Address("https://a.example/jwks".parse().unwrap());
        assert_eq!(list, [Issuer::new(["https://a.example".to_owned()], address)]);
    }

    #[test]
    fn everything_else_can_be_said() {
        let list = read(
            r#"[{"issuer":["https://a.example","https://b.example"],"jwks":"keys.json","audience":["x","y"],
                "algorithms":["EdDSA"],"claims":{"organization":"tenant.id","role":["r1","r2"],"email":"mail"}}]"#,
        )
        .unwrap();
        let issuer = &list[0];
        assert_eq!(issuer.names.len(), 2);
        assert_eq!(issuer.audience, ["x", "y"]);
        assert_eq!(issuer.algorithms, [Algorithm::EdDsa]);
        assert_eq!(issuer.claims.organization, ["tenant.id"]);
        assert_eq!(issuer.claims.role, ["r1", "r2"]);
        assert_eq!(issuer.claims.name, ["name"], "fields that are left out have their defaults");
        let null = r#"[{"issuer":"a","jwks":"k","audience":null,"algorithms":null,"claims":null},
            {"issuer":"b","jwks":"k","algorithms":"ES256","claims":{"role":null,"email":[]}}]"#;
        let list = read(null).unwrap();
        assert_eq!(list[0], Issuer::new(["a".to_owned()], KeySet::File("k".into())), "null is as usual");
        assert_eq!(list[1].algorithms, [Algorithm::Es256]);
        assert_eq!((list[1].claims.role.len(), list[1].claims.email.len()), (1, 0), "and an empty list is none");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_name_of_the_variable() {
        for (json, said) in [
            ("{}", "expected a sequence"),
            (r#"[{"issuer":"a"}]"#, "missing field `jwks`"),
            (r#"[{"issuer":"a","jwks":"k","algorithms":["HS256"]}]"#, "HS256 is not an algorithm"),
            (r#"[{"issuer":"a","jwks":"k","algorithms":["none"]}]"#, "none is not an algorithm"),
            (r#"[{"issuer":"a","jwks":"k","algorithms":[]}]"#, "no algorithms"),
            (r#"[{"issuer":"a","jwks":"k","audiance":"x"}]"#, "unknown field `audiance`"),
            (r#"[{"issuer":"a","jwks":"http://a.example/"}]"#, "https://"),
            (r#"[{"issuer":" ","jwks":"k"}]"#, "has no name"),
            (r#"[{"issuer":[],"jwks":"k"}]"#, "has no name"),
            (r#"[{"issuer":"a","jwks":"k"},{"issuer":"a","jwks":"k"}]"#, "a is there twice"),
        ] {
            let error = read(json).unwrap_err();
            assert_eq!(error.code, kernel::Code::Config);
            assert!(error.message.starts_with("AUTH_JWT_ISSUERS") && error.message.contains(said), "{json}: {error}");
        }
    }
}
