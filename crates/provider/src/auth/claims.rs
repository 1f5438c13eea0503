//! The names of the claims in an issuer's tokens.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::one_or_many::OneOrMany;

/// The names of claims. Of each list, the first claim that the token has is used. `a.b` is the claim with that name, or
/// `b` inside of `a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The organization.
    pub organization: Vec<String>,
    /// The role in it.
    pub role: Vec<String>,
    /// The e-mail address. It is ignored when `email_verified` is false.
    pub email: Vec<String>,
    /// The whole name, for tokens without its parts.
    pub name: Vec<String>,
    /// The given name.
    pub given_name: Vec<String>,
    /// The family name.
    pub family_name: Vec<String>,
    /// The address of a picture.
    pub picture: Vec<String>,
    /// The prefix of every role: `org:` in `org:admin`.
    pub role_prefix: &'static str,
}

/// The names that an operator configured. What is left out or `null` has the usual name.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConfiguredNames {
    organization: Option<OneOrMany>,
    role: Option<OneOrMany>,
    email: Option<OneOrMany>,
    name: Option<OneOrMany>,
    given_name: Option<OneOrMany>,
    family_name: Option<OneOrMany>,
    picture: Option<OneOrMany>,
}

impl<'de> Deserialize<'de> for ClaimNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = Option::<ConfiguredNames>::deserialize(deserializer)?.unwrap_or_default();
        let usual = Self::default();
        let names = |said: Option<OneOrMany>, usual: Vec<String>| said.map_or(usual, Vec::from);
        Ok(Self {
            organization: names(said.organization, usual.organization),
            role: names(said.role, usual.role),
            email: names(said.email, usual.email),
            name: names(said.name, usual.name),
            given_name: names(said.given_name, usual.given_name),
            family_name: names(said.family_name, usual.family_name),
            picture: names(said.picture, usual.picture),
            role_prefix: usual.role_prefix,
        })
    }
}

impl Default for ClaimNames {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            organization: names(&["org_id", "organization"]),
            role: names(&["role"]),
            email: names(&["email"]),
            name: names(&["name"]),
            given_name: names(&["given_name"]),
            family_name: names(&["family_name"]),
            picture: names(&["picture"]),
            role_prefix: "",
        }
    }
}

impl ClaimNames {
    /// Returns the value of the first of `names` that is present and not empty: a text, a number, or the first element
    /// of a list.
    pub fn text(claims: &Map<String, Value>, names: &[String]) -> Option<String> {
        names.iter().find_map(|name| text(find(claims, name)?))
    }
}

/// Returns the claim at `path`. The whole path is tried as a name first, because names that are addresses contain dots.
pub(super) fn find<'c>(claims: &'c Map<String, Value>, path: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (outer, inner) = path.split_once('.')?;
    find(claims.get(outer)?.as_object()?, inner)
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => return list.first().filter(|first| !first.is_array()).and_then(text),
        Value::Null | Value::Bool(_) | Value::Object(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_its_name_and_by_its_path() {
        let claims = json!({
            "a": {"b": {"c": "deep"}}, "https://x.example/org": "named", "list": ["first", "second"], "n": 7,
            "empty": " ", "nothing": null, "nested": [["no"]],
        });
        let claims = claims.as_object().unwrap();
        let text =
            |names: &[&str]| ClaimNames::text(claims, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(text(&["a.b.c"]).as_deref(), Some("deep"));
        assert_eq!(text(&["https://x.example/org"]).as_deref(), Some("named"));
        assert_eq!(text(&["empty", "nothing", "a", "nested", "list"]).as_deref(), Some("first"));
        assert_eq!(text(&["n"]).as_deref(), Some("7"));
        assert_eq!(text(&["a.b.d", "a.x.c", "missing", ""]), None);
    }
}
