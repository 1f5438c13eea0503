//! Settings are the environment: a field's name in upper case is the variable, its doc comment is the documentation.

use std::collections::BTreeMap;

use kernel::Result;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A struct whose fields are variables. Derive `Deserialize` and `JsonSchema`; historic names are `#[serde(alias)]`.
pub trait Settings: DeserializeOwned + JsonSchema {}

impl<T: DeserializeOwned + JsonSchema> Settings for T {}

/// The variables of one process, or of one organization's connection. Empty values count as absent.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

/// What the variables say about a [`Settings`] struct.
pub enum Loaded<S> {
    /// None of its variables is set.
    Off,
    /// Complete.
    On(S),
}

/// One variable, as `.env.example`, `doctor` and the documentation show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `STRIPE_WEBHOOK_SECRET`.
    pub variable: String,
    /// What it is and where to get it.
    pub doc: String,
    /// Whether the vendor is off without it.
    pub required: bool,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What holds when it is not set.
    pub default: Option<String>,
}

/// The variables of `S`, in the order of its fields.
pub fn fields<S: Settings>() -> Vec<Field> {
    Vec::new()
}

/// Reads `S` from the variables.
///
/// # Errors
/// `Config` when some of its variables are set and a required one is not, or a value cannot be read.
pub fn load<S: Settings>(_variables: &Variables) -> Result<Loaded<S>> {
    Ok(Loaded::Off)
}
