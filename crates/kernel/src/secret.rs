//! A value that must never be seen.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use zeroize::Zeroizing;

/// A secret text: a key, a password, a token. `Debug` hides it, nothing serialises it, memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text` out of sight from here on.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one call that needs it. Never log it, never put it into an error.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Several secrets, separated by commas: all are accepted while one replaces another.
    pub fn rotation(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').map(str::trim).filter(|secret| !secret.is_empty())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Text that forms and documentation must not show: `writeOnly`, as a password.
impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Secret::new("whsec_abc")), "Secret(…)");
    }

    #[test]
    fn a_rotation_is_every_secret_between_commas() {
        let both = Secret::new("new, old,");
        assert_eq!(both.rotation().collect::<Vec<_>>(), ["new", "old"]);
    }
}
