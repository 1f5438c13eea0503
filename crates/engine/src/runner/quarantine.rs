//! When suspects run: entries that were running when their process died, and may be what killed it. They run in
//! quarantine, with nothing beside them.

use std::time::Duration;

use tokio::time::Instant;

/// Whether this node runs suspects, and since when.
///
/// Suspects run with nothing beside them, so everything else has to end first. The quarantine, and the wait for what
/// still runs, last no longer than a lease: neither many suspects nor a long one hold up the others for ever, nor the
/// others them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Quarantine {
    /// There are no suspects.
    #[default]
    Off,
    /// Suspects run when what runs has ended. Until then nothing is begun.
    Draining(Instant),
    /// Suspects run: a few at a time, and the next when these have ended.
    On(Instant),
    /// There are suspects, and it is the others' time.
    Paused(Instant),
}

/// What a claim may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eligible {
    /// Suspects; others when there are none.
    Suspects,
    /// Nothing, as long as there are suspects.
    Nothing,
    /// Others.
    Others,
    /// Others; suspects when nothing else can run.
    OthersFirst,
    /// Nothing at all: suspects run.
    NothingAtAll,
}

/// What a claim saw of suspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspects {
    /// There were none.
    None,
    /// There were, and none was taken.
    Waiting,
    /// What was taken is suspects.
    Taken,
}

impl Quarantine {
    /// Its state now if there are suspects. `idle` says that nothing runs here.
    pub(super) fn at(self, idle: bool, now: Instant, lease: Duration) -> Self {
        let over = |since: Instant| now.duration_since(since) >= lease;
        let begin = if idle { Self::On(now) } else { Self::Draining(now) };
        match self {
            Self::Off => begin,
            Self::Draining(_) if idle => begin,
            Self::Paused(since) if over(since) => begin,
            Self::Draining(since) | Self::On(since) if over(since) => Self::Paused(now),
            Self::Draining(_) | Self::On(_) | Self::Paused(_) => self,
        }
    }

    /// What may be claimed in this state.
    pub(super) fn eligible(self, idle: bool) -> Eligible {
        match (self, idle) {
            (Self::Draining(_), _) => Eligible::Nothing,
            (Self::On(_), true) => Eligible::Suspects,
            (Self::On(_), false) => Eligible::NothingAtAll,
            (Self::Off | Self::Paused(_), true) => Eligible::OthersFirst,
            (Self::Off | Self::Paused(_), false) => Eligible::Others,
        }
    }

    /// Its state after a claim that saw suspects or none, and took some or none.
    pub(super) fn after(self, saw: Suspects, now: Instant) -> Self {
        match (self, saw) {
            (_, Suspects::None) => Self::Off,
            (Self::Off | Self::Draining(_) | Self::Paused(_), Suspects::Taken) => Self::On(now),
            (_, Suspects::Waiting | Suspects::Taken) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);
    const IDLE: bool = true;
    const BUSY: bool = false;

    /// Claims at these moments, in seconds, and whether something runs at each; what may be claimed while suspects wait.
    fn claims(moments: &[(u64, bool)]) -> Vec<Eligible> {
        let (start, mut quarantine) = (Instant::now(), Quarantine::default());
        let claim = |(second, idle): &(u64, bool)| {
            let now = start + Duration::from_secs(*second);
            quarantine = quarantine.at(*idle, now, LEASE);
            let eligible = quarantine.eligible(*idle);
            if eligible == Eligible::Suspects {
                quarantine = quarantine.after(Suspects::Taken, now);
            } else if eligible != Eligible::NothingAtAll {
                quarantine = quarantine.after(Suspects::Waiting, now);
            }
            eligible
        };
        moments.iter().map(claim).collect()
    }

    #[test]
    fn many_suspects_run_one_after_the_other_and_then_the_others_have_as_long() {
        let claims =
            claims(&[(0, IDLE), (1, BUSY), (2, IDLE), (14, IDLE), (15, IDLE), (16, BUSY), (29, BUSY), (30, BUSY)]);
        let theirs = [Eligible::Suspects, Eligible::NothingAtAll, Eligible::Suspects, Eligible::Suspects];
        assert_eq!(claims[..4], theirs);
        assert_eq!(claims[4..], [Eligible::OthersFirst, Eligible::Others, Eligible::Others, Eligible::Nothing]);
    }

    #[test]
    fn suspects_wait_for_what_runs_but_nobody_waits_for_them_for_ever() {
        let claims =
            claims(&[(0, BUSY), (14, BUSY), (15, BUSY), (29, BUSY), (30, BUSY), (31, IDLE), (45, BUSY), (46, BUSY)]);
        assert_eq!(claims[..4], [Eligible::Nothing, Eligible::Nothing, Eligible::Others, Eligible::Others]);
        assert_eq!(claims[4..], [Eligible::Nothing, Eligible::Suspects, Eligible::NothingAtAll, Eligible::Others]);
    }

    #[test]
    fn without_suspects_nobody_waits() {
        let now = Instant::now();
        assert_eq!(Quarantine::default().at(BUSY, now, LEASE).after(Suspects::None, now), Quarantine::Off);
    }
}
