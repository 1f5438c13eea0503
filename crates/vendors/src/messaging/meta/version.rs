//! The dates on which versions of Meta's Graph API end, as far as they are known.

use std::time::Duration;

use kernel::Time;

/// The default version. No end of it is known yet.
pub(in crate::messaging) const DEFAULT: &str = "v24.0";

/// The known dates, oldest first: that of v17 from chatwoot/chatwoot#12384, that of v19 as digiteinfotech/kairon#2409
/// reports it. Versions end in their order, so that the versions before and between have ended by then too.
const ENDS: [(u32, &str); 2] = [(17, "2025-09-12"), (19, "2026-05-21")];

/// How long before its end a version is reported: moving to another one must be planned.
const AHEAD: Duration = Duration::from_secs(90 * 86_400);

/// Returns the advice for an installation that calls this version; none while the version is supported.
pub(in crate::messaging) fn advice(version: &str, now: Time) -> Option<String> {
    let Some(number) = number(version) else {
        return Some(format!("{version} is not a version of Meta's Graph API: write it like {DEFAULT}"));
    };
    let (_, day) = ENDS.iter().find(|(ended, _)| number <= *ended)?;
    let end = Time::parse(&format!("{day}T00:00:00Z"))?;
    if now + AHEAD < end {
        return None;
    }
    let ends = if end <= now { "has ended" } else { "ends soon" };
    Some(format!("{version} of Meta's Graph API {ends} ({day} at the latest): move to {DEFAULT} or newer"))
}

/// Returns the 24 of `v24.0`.
fn number(version: &str) -> Option<u32> {
    let (major, minor) = version.strip_prefix('v')?.split_once('.')?;
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(day: &str) -> Time {
        Time::parse(&format!("{day}T12:00:00Z")).unwrap()
    }

    #[test]
    fn a_version_is_warned_of_ninety_days_before_its_end_and_ever_after() {
        assert_eq!(advice("v19.0", on("2026-02-19")), None);
        assert!(advice("v19.0", on("2026-02-21")).unwrap().contains("ends soon (2026-05-21"));
        assert!(advice("v19.0", on("2026-05-21")).unwrap().contains("has ended"));
        assert!(advice("v18.0", on("2026-11-20")).unwrap().contains("v18.0 of Meta's Graph API has ended"));
        assert!(advice("v3.1", on("2026-02-01")).unwrap().contains("2025-09-12"));
        assert_eq!(advice(DEFAULT, on("2026-11-20")), None);
    }

    #[test]
    fn what_is_not_a_version_is_said_to_be_none() {
        for wrong in ["24.0", "v24", "v.0", "latest"] {
            assert!(advice(wrong, on("2026-11-20")).unwrap().contains("write it like v24.0"), "{wrong}");
        }
    }

    #[test]
    fn the_known_ends_are_days_in_their_order() {
        assert!(ENDS.iter().all(|(_, day)| Time::parse(&format!("{day}T00:00:00Z")).is_some()));
        assert!(ENDS.is_sorted());
    }
}
