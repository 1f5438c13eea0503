//! Issuers that come with a vendor.

use kernel::Result;

use super::Issuer;
use crate::settings::{self, Field, Loaded, Settings, Variables};

/// The settings for accepting a vendor's tokens. They are separate from the settings for calling the vendor, so that
/// either works without the other.
pub trait TokenSettings: Settings {
    /// Returns the issuers whose tokens are accepted.
    ///
    /// # Errors
    /// `Config` when a setting is wrong; the message names the variable.
    fn issuers(self) -> Result<Vec<Issuer>>;
}

/// The [`TokenSettings`] of a vendor, without their type.
#[derive(Clone, Copy)]
pub struct Issuing {
    /// The variables.
    pub fields: fn() -> Vec<Field>,
    /// The issuers whose tokens are accepted; none when no variable is set.
    pub issuers: fn(&Variables) -> Result<Vec<Issuer>>,
}

impl Issuing {
    /// Returns the entry for the settings `S`.
    pub const fn of<S: TokenSettings>() -> Self {
        Self {
            fields: settings::fields::<S>,
            issuers: |variables| match settings::load::<S>(variables)? {
                Loaded::Off => Ok(Vec::new()),
                Loaded::On(settings) => settings.issuers(),
            },
        }
    }
}
