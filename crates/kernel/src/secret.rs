//! A value that must not be shown or logged.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use zeroize::Zeroizing;

/// A secret text: a key, a password, a token. `Debug` hides it, it cannot be serialized, and its memory is wiped on
/// drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text itself, for the one call that needs it. Never log it, and never put it into an error.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the secrets of a comma-separated list: all are accepted while one replaces another.
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

/// The schema marks the value as `writeOnly` with the format `password`, so that forms and documentation do not show
/// it.
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
