//! An e-mail address.

use std::{borrow::Cow, fmt};

use kernel::{Error, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// An e-mail address, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(String);

/// The limit of SMTP.
const LONGEST: usize = 254;
/// The limit of SMTP for the part before the `@`.
const LONGEST_LOCAL: usize = 64;

impl Email {
    /// Parses an address, without the white space around it.
    ///
    /// # Errors
    /// `BadRequest` when the text is not an address that mail can be sent to.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if is_address(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::bad_request("email_invalid", "an e-mail address looks like ada@example.com"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text by which addresses are compared: mail systems ignore upper and lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"()<>[]:;@\\,\"".contains(c);
    text.len() <= LONGEST
        && (1..=LONGEST_LOCAL).contains(&local.len())
        && local.chars().all(is_plain)
        && [local, domain].iter().all(|part| !part.starts_with('.') && !part.ends_with('.') && !part.contains(".."))
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || c == '-';
    (1..=63).contains(&label.len()) && label.chars().all(is_plain) && !label.starts_with('-') && !label.ends_with('-')
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Email {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "email", "maxLength": LONGEST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        for right in ["ada@example.com", " Ada.L+x@Mail.Example.co.uk ", "o'neil@a-b.example", "jürgen@münchen.example"]
        {
            assert!(Email::parse(right).is_ok(), "{right}");
        }
        let long = format!("{}@example.com", "x".repeat(65));
        for wrong in ["", "ada", "@example.com", "ada@", "ada@example", "a b@example.com", "a..b@example.com"] {
            assert!(Email::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["ada@-x.com", "ada@x..com", "<ada@x.com>", "ada@x.com\nbcc: e@x.com", "a@b@x.com", &long] {
            assert!(Email::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_the_same_in_any_case() {
        assert_eq!(Email::parse("Ada@Example.COM").unwrap().key(), "ada@example.com");
    }
}
