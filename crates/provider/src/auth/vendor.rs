//! The issuers that a vendor brings.

use kernel::Result;

use super::Issuer;
use crate::settings::{self, Field, Loaded, Settings, Variables};

/// What believing a vendor's tokens needs: apart from what calling it needs, so that either works without the other.
pub trait TokenSettings: Settings {
    /// Whose tokens are believed.
    ///
    /// # Errors
    /// `Config` when a setting is not what it should be; the message names the variable.
    fn issuers(self) -> Result<Vec<Issuer>>;
}

/// A vendor's [`TokenSettings`], without their type.
#[derive(Clone, Copy)]
pub struct Issuing {
    /// Their variables.
    pub fields: fn() -> Vec<Field>,
    /// Whose tokens are believed: nobody's when none of the variables is set.
    pub issuers: fn(&Variables) -> Result<Vec<Issuer>>,
}

impl Issuing {
    /// Those of `S`.
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
