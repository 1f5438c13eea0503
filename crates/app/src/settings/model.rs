//! The settings of an organization.

use kernel::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an organization chose, with the defaults where it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Where its days begin: a name such as `Europe/Berlin`.
    pub time_zone: String,
    /// How its numbers and dates are written: a tag such as `en` or `pt-BR`.
    pub locale: String,
    /// Which day its weeks begin with: 1 is Monday, 7 is Sunday.
    pub week_starts_on: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), locale: "en".to_owned(), week_starts_on: 1 }
    }
}

impl Settings {
    /// Checks what came from outside.
    ///
    /// # Errors
    /// `BadRequest` when one of them means nothing.
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
