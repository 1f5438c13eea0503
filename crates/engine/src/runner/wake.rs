//! The wake-ups of other nodes: spread, so that an announcement does not make all nodes claim at once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::sleep;

use super::Node;

/// Before a lost connection is made anew.
const RECONNECT: Duration = Duration::from_secs(1);
/// For each node that hears an announcement, the longest wait of all of them grows by this.
const STEP: Duration = Duration::from_millis(5);
/// No node waits for longer.
const LONGEST: Duration = Duration::from_millis(200);
/// A node gathers its commits for so long before it announces them, for each node that hears it: so the announcements that a
/// node hears in a second do not grow with the number of nodes.
const GATHER: Duration = Duration::from_millis(10);

impl Node {
    /// Hears the wake-ups of other nodes, until it is aborted.
    pub(super) async fn listen(self: Arc<Self>) {
        loop {
            let mut listener = self.db.listen_for_wakes().await;
            if !listener.is_connected() {
                sleep(RECONNECT).await;
                continue;
            }
            // What was announced while nobody listened is found by looking.
            self.elsewhere.notify_one();
            while let Some(sender) = listener.next().await {
                if self.is_own(&sender) {
                    continue;
                }
                // Who announced it has begun already: what it takes itself is gone when this node looks.
                sleep(spread(self.alive.load(Ordering::Relaxed), self.world.number())).await;
                // Those that came meanwhile are answered by the same look.
                while let Some(Some(_)) = listener.next().now_or_never() {}
                self.elsewhere.notify_one();
            }
        }
    }

    fn is_own(&self, sender: &str) -> bool {
        self.lease.registered().is_some_and(|node| sender == node.to_string())
    }
}

/// How long to wait before looking, out of `chance`, which is not negative.
fn spread(living: usize, chance: i64) -> Duration {
    let others = u32::try_from(living.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = STEP.saturating_mul(others).min(LONGEST);
    let micros = i64::try_from(longest.as_micros()).unwrap_or(i64::MAX - 1);
    Duration::from_micros(u64::try_from(chance % (micros + 1)).unwrap_or(0))
}

/// How long commits are gathered before they are announced to this many nodes; no longer than nodes sleep anyway.
pub(super) fn gathering(living: usize, poll: Duration) -> Duration {
    GATHER.saturating_mul(u32::try_from(living).unwrap_or(u32::MAX)).min(poll)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_nodes_hear_it_the_further_their_looks_are_spread() {
        assert_eq!(spread(1, i64::MAX), Duration::ZERO);
        for (living, longest) in [(2, 5), (10, 45), (1000, 200)] {
            let waits: Vec<_> = (0..1000).map(|turn| spread(living, turn * 7919)).collect();
            let longest = Duration::from_millis(longest);
            assert!(waits.iter().all(|wait| *wait <= longest), "{living}");
            assert!(waits.iter().any(|wait| *wait > longest * 9 / 10), "{living}");
            assert!(waits.iter().any(|wait| *wait < longest / 10), "{living}");
        }
    }

    #[test]
    fn announcements_are_gathered_longer_the_more_nodes_hear_them_but_no_longer_than_a_poll() {
        let poll = Duration::from_millis(500);
        assert_eq!(gathering(1, poll), GATHER);
        assert_eq!(gathering(3, poll), GATHER * 3);
        assert_eq!(gathering(1000, poll), poll);
    }
}
