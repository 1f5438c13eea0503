//! The settings of an organization.

use kernel::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of an organization, with defaults where it chose nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// The time zone in which its days begin: a name such as `Europe/Berlin`.
    pub time_zone: String,
    /// The language tag by which numbers and dates are written, such as `en` or `pt-BR`.
    pub locale: String,
    /// The first day of the week: 1 is Monday, 7 is Sunday.
    pub week_starts_on: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), locale: "en".to_owned(), week_starts_on: 1 }
    }
}

impl Settings {
    /// Checks settings that came from outside.
    ///
    /// # Errors
    /// `BadRequest` when a value has no meaning.
    pub(super) fn check(&self) -> Result<()> {
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(invalid("timeZone is a name of the time zone database, such as Europe/Berlin"));
        }
        let part = |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
        if self.locale.len() > 35 || !self.locale.split('-').all(part) {
            return Err(invalid("locale is a language tag, such as en or pt-BR"));
        }
        if !(1..=7).contains(&self.week_starts_on) {
            return Err(invalid("weekStartsOn is 1 for Monday to 7 for Sunday"));
        }
        Ok(())
    }
}

fn invalid(message: &'static str) -> Error {
    Error::bad_request("settings_invalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_mean_something() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().is_ok()
        };
        assert!(with(|_| {}));
        assert!(with(|settings| settings.time_zone = "America/Sao_Paulo".to_owned()));
        assert!(with(|settings| settings.locale = "pt-BR".to_owned()));
        assert!(!with(|settings| settings.time_zone = "Mars/Olympus".to_owned()));
        assert!(!with(|settings| settings.locale = "pt_BR!".to_owned()));
        assert!(!with(|settings| settings.week_starts_on = 0));
    }
}
