//! Settings come from environment variables: a field's name in upper case is the variable, its doc comment is the
//! documentation.
//!
//! Nothing here reads the environment. The binary does so once, and passes the variables on as a value.

mod example;
mod field;
mod reader;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::BTreeMap, fmt};

use kernel::Result;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use example::env_example;
pub use field::{Field, fields};

/// A struct whose fields are variables. Derive `Deserialize` and `JsonSchema`; historic names are `#[serde(alias)]`.
///
/// A value is text. It becomes a `bool` (`true`, `yes`, `on`, `1` and their opposites), a number, a `String`, a
/// `Secret`, a `Url`, an enum without data, a newtype or an `Option` of these, or a `Vec` of values that are separated
/// by commas. The type of a field with `#[serde(default)]` derives `Serialize` too, so that its default is shown.
pub trait Settings: DeserializeOwned + JsonSchema {}

impl<T: DeserializeOwned + JsonSchema> Settings for T {}

/// Reads `S` from the variables. Variables that `S` does not declare are ignored.
///
/// # Errors
/// `Config` when some of its variables are set and a required one is not, when a value cannot be parsed, or when a
/// variable and a historic name of it are both set. The message names the variable and shows no secret.
pub fn load<S: Settings>(variables: &Variables) -> Result<Loaded<S>> {
    let attempt = reader::read::<S>(variables);
    if attempt.used.is_empty() {
        return Ok(Loaded::Off);
    }
    attempt.outcome.map(Loaded::On)
}

/// Reads `S` even when none of its variables is set: for settings that are never off, such as the installation's own.
///
/// # Errors
/// As [`load`].
pub fn require<S: Settings>(variables: &Variables) -> Result<S> {
    reader::read::<S>(variables).outcome
}

/// The result of reading a [`Settings`] struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded<S> {
    /// None of its variables is set.
    Off,
    /// All required variables are set.
    On(S),
}

/// The variables of one process, or of one organization's connection. Empty values count as absent.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Returns the value of the variable `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the names of all variables that are set, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let named = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(named.filter(|(_, value): &(String, String)| !value.trim().is_empty()).collect())
    }
}

/// Names only: any value may be a secret.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
