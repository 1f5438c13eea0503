//! For how long a node has been in contact with the database without an interruption.

use std::time::Duration;

use kernel::Time;
use tokio::time::Instant;

/// The contact of one node. Only who has had contact for a whole lease may take the silence of others for their death: it
/// may have been the database that was away, or this process that stood still.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contact(Option<Heard>);

#[derive(Clone, Copy, Debug)]
struct Heard {
    since: Instant,
    last: Instant,
    /// What the database's clock said the last time.
    clock: Time,
}

impl Contact {
    /// The database answered now, and its clock says `clock`. Contact begins anew when the answer before is half a lease old,
    /// or when the database's clock went on by something else than this node's: it was set, or the server is another one.
    pub(crate) fn heard(&mut self, now: Instant, clock: Time, lease: Duration) {
        let goes_on = self.0.filter(|heard| {
            let (ours, theirs) = (now.duration_since(heard.last), clock.ms() - heard.clock.ms());
            let ours_ms = i64::try_from(ours.as_millis()).unwrap_or(i64::MAX);
            let apart = Duration::from_millis(ours_ms.abs_diff(theirs));
            ours <= lease / 2 && apart <= lease / 4
        });
        self.0 = Some(Heard { since: goes_on.map_or(now, |heard| heard.since), last: now, clock });
    }

    /// The database did not answer.
    pub(crate) fn lost(&mut self) {
        self.0 = None;
    }

    /// Whether there was contact for a whole lease, and still is.
    pub(crate) fn lasts(&self, now: Instant, lease: Duration) -> bool {
        self.0.is_some_and(|heard| {
            heard.last.duration_since(heard.since) >= lease && now.duration_since(heard.last) <= lease / 2
        })
    }

    /// How long ago the database answered.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        self.0.map(|heard| now.duration_since(heard.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    /// A node that heard these answers: own seconds and the database's. Whether it may reap after the last.
    fn may_reap(answers: &[(u64, i64)]) -> bool {
        let (start, mut contact) = (Instant::now(), Contact::default());
        for (own, clock) in answers {
            contact.heard(start + Duration::from_secs(*own), Time::from_ms(clock * 1000), LEASE);
        }
        let last = answers.last().map_or(0, |(own, _)| *own);
        contact.lasts(start + Duration::from_secs(last), LEASE)
    }

    #[test]
    fn others_are_taken_for_dead_only_after_a_whole_lease_of_contact() {
        assert!(!may_reap(&[(0, 0), (3, 3), (6, 6), (9, 9), (12, 12)]));
        assert!(may_reap(&[(0, 0), (3, 3), (6, 6), (9, 9), (12, 12), (15, 15)]));
    }

    #[test]
    fn a_node_that_stood_still_waits_again() {
        assert!(!may_reap(&[(0, 0), (3, 3), (6, 6), (9, 9), (12, 12), (15, 15), (45, 45)]));
    }

    #[test]
    fn a_database_whose_clock_was_set_is_watched_for_a_lease_again() {
        assert!(!may_reap(&[(0, 0), (3, 3), (6, 6), (9, 9), (12, 12), (15, 75)]));
        assert!(!may_reap(&[(0, 0), (3, 3), (6, 6), (9, 9), (12, 12), (15, -45)]));
    }

    #[test]
    fn after_an_answer_that_failed_contact_begins_anew() {
        let (now, mut contact) = (Instant::now(), Contact::default());
        for second in [0, 5, 10, 15] {
            contact.heard(now + Duration::from_secs(second), Time::from_ms(second as i64 * 1000), LEASE);
        }
        let end = now + Duration::from_secs(15);
        assert!(contact.lasts(end, LEASE) && !contact.lasts(end + LEASE, LEASE));
        contact.lost();
        assert!(!contact.lasts(end, LEASE) && contact.age(end).is_none());
    }
}
