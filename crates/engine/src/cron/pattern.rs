//! When something happens: a pattern by the clock of a time zone.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};
use kernel::{Error, Result, Time};

/// Fixed times: a cron's five fields, by the clock of a time zone.
///
/// Where the clock is put forward, a fixed time that does not exist is the first moment after the gap. Where it is put back, a
/// fixed time that exists twice is its first occurrence.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    cron: Arc<croner::Cron>,
    zone: TimeZone,
    zone_name: String,
}

impl Pattern {
    /// Reads five fields: minute, hour, day of the month, month, day of the week. In UTC, unless [`Pattern::in_zone`] says
    /// otherwise.
    ///
    /// # Errors
    /// `BadRequest` when it is not a pattern, or no time ever fits it.
    pub fn parse(text: &str) -> Result<Self> {
        let cron = croner::Cron::from_str(text).map_err(|error| {
            let message = format!("{text:?} is no pattern of five fields, such as \"30 2 * * 1\": {error}");
            Error::bad_request("cron_pattern", message)
        })?;
        let pattern =
            Self { text: text.to_owned(), cron: Arc::new(cron), zone: TimeZone::UTC, zone_name: "UTC".to_owned() };
        match pattern.next(Time::from_ms(0)) {
            Ok(_) => Ok(pattern),
            Err(_) => Err(Error::bad_request("cron_pattern", format!("no time ever fits the pattern {text:?}"))),
        }
    }

    /// By the clock of this time zone, such as `Europe/Berlin`, with its daylight saving.
    ///
    /// # Errors
    /// `BadRequest` when there is no such zone.
    pub fn in_zone(self, zone_name: &str) -> Result<Self> {
        let zone = TimeZone::get(zone_name).map_err(|error| {
            let message = format!("there is no time zone {zone_name:?}: expected a name such as Europe/Berlin");
            Error::bad_request("time_zone_unknown", message).source(error)
        })?;
        Ok(Self { zone, zone_name: zone_name.to_owned(), ..self })
    }

    /// The fields as they were given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the time zone.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// The first time after `now`.
    ///
    /// # Errors
    /// `Internal` when there is none.
    pub fn next(&self, now: Time) -> Result<Time> {
        let broken = || Error::internal("cron_next", format!("the pattern {self} has no next time"));
        let moment = Timestamp::from_millisecond(now.ms()).map_err(|_| broken())?;
        let zoned = moment.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&zoned, false).map_err(|error| broken().source(error))?;
        Ok(Time::from_ms(next.timestamp().as_millisecond()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, self.zone_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(moment: &str) -> Time {
        Time::from_ms(moment.parse::<Timestamp>().unwrap().as_millisecond())
    }

    /// The next times after a moment.
    fn times(pattern: &str, after: &str, count: usize) -> Vec<String> {
        let pattern = Pattern::parse(pattern).unwrap().in_zone("Europe/Berlin").unwrap();
        let mut times = Vec::new();
        let mut now = ms(after);
        for _ in 0..count {
            now = pattern.next(now).unwrap();
            times.push(Timestamp::from_millisecond(now.ms()).unwrap().to_string());
        }
        times
    }

    #[test]
    fn a_fixed_time_follows_the_clock_of_its_zone_through_the_year() {
        assert_eq!(times("0 9 * * *", "2026-03-27T12:00:00Z", 2), ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"]);
        assert_eq!(times("0 9 * * *", "2026-10-23T12:00:00Z", 2), ["2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z"]);
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_is_the_moment_after_the_gap() {
        // On 29 March 2026, 02:00 is followed by 03:00.
        assert_eq!(times("30 2 * * *", "2026-03-28T12:00:00Z", 2), ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_happens_once() {
        // On 25 October 2026, 02:59 is followed by 02:00.
        assert_eq!(times("30 2 * * *", "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn what_happens_every_hour_happens_every_hour_also_when_the_clock_is_changed() {
        assert_eq!(
            times("0 * * * *", "2026-10-24T23:30:00Z", 4),
            ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"]
        );
    }

    #[test]
    fn what_is_no_pattern_and_what_is_no_zone_is_refused() {
        for wrong in ["", "every now and then", "99 * * * *", "0 0 31 2 *"] {
            assert_eq!(Pattern::parse(wrong).unwrap_err().tag, "cron_pattern", "{wrong}");
        }
        let pattern = Pattern::parse("0 9 * * *").unwrap();
        assert_eq!(pattern.in_zone("Europe/Atlantis").unwrap_err().tag, "time_zone_unknown");
    }
}
