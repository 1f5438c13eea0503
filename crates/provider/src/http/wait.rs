//! The wait before the next attempt.

use std::time::Duration;

use ::http::{HeaderMap, header::RETRY_AFTER};
use kernel::{Random, Time};

/// Longer waits in `Retry-After` are shortened to a day.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the wait that `Retry-After` asks for, in seconds or as a date.
pub(super) fn asked_for(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => date(text)?.since(now),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// Parses a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(text: &str) -> Option<Time> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Time::from_seconds(moment.as_second()))
}

/// Returns the wait before attempt `attempt + 1`: doubled each time, with up to half left out at random, so that
/// callers that failed together do not return together.
pub(super) fn backoff(base: Duration, attempt: u32, random: &dyn Random) -> Duration {
    let mut chance = [0; 2];
    random.fill(&mut chance);
    let part = 0.5 + f64::from(u16::from_le_bytes(chance)) / f64::from(u16::MAX) / 2.0;
    base.saturating_mul(1 << attempt.saturating_sub(1).min(16)).mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);
    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn wait(value: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        asked_for(&headers, Time::parse("2026-01-01T00:00:00Z").unwrap())
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Thu, 01 Jan 2026 00:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait("Wed, 31 Dec 2025 00:00:00 GMT"), Some(Duration::ZERO), "a date that has passed");
    }

    #[test]
    fn a_retry_after_that_makes_no_sense_is_ignored_or_cut() {
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
        assert_eq!(wait("18446744073709551615"), Some(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn each_wait_is_longer_and_chance_shortens_it_by_up_to_half() {
        let base = Duration::from_millis(100);
        assert_eq!(backoff(base, 1, &Always(255)), base);
        assert_eq!(backoff(base, 1, &Always(0)), base / 2);
        assert_eq!(backoff(base, 3, &Always(255)), base * 4);
        assert!(backoff(base, u32::MAX, &Always(255)) > base, "and never overflows");
    }
}
