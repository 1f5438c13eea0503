//! Whose turn it is on this node: everybody's, or after the death of a process the suspects' and the others', one after
//! the other.

use std::time::Duration;

use tokio::time::Instant;

/// Whose turn it is, and since when.
///
/// Suspects run with nothing beside them, so everything else has to end first. A turn, and the wait for what still runs,
/// last no longer than a lease: neither many suspects nor a long one hold up the others for ever, nor the others them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// Everybody's: there are no suspects.
    #[default]
    Everybody,
    /// The suspects', when what runs has ended. Until then nothing is begun.
    Awaited(Instant),
    /// The suspects': a few at a time, and the next when these have ended.
    Suspects(Instant),
    /// The others'.
    Others(Instant),
}

/// What a claim may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Suspects; others when there are none.
    Suspects,
    /// Nothing, as long as there are suspects.
    Nothing,
    /// Others.
    Others,
    /// Others; suspects when nothing else can run.
    OthersFirst,
    /// Nothing at all: suspects run.
    Quiet,
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

impl Turn {
    /// Whose turn it is now if there are suspects. `idle` says that nothing runs here.
    pub(super) fn go_on(self, idle: bool, now: Instant, lease: Duration) -> Self {
        let over = |since: Instant| now.duration_since(since) >= lease;
        let suspects = if idle { Self::Suspects(now) } else { Self::Awaited(now) };
        match self {
            Self::Everybody => suspects,
            Self::Awaited(_) if idle => suspects,
            Self::Others(since) if over(since) => suspects,
            Self::Awaited(since) | Self::Suspects(since) if over(since) => Self::Others(now),
            Self::Awaited(_) | Self::Suspects(_) | Self::Others(_) => self,
        }
    }

    /// What is claimed in this turn.
    pub(super) fn plan(self, idle: bool) -> Plan {
        match (self, idle) {
            (Self::Awaited(_), _) => Plan::Nothing,
            (Self::Suspects(_), true) => Plan::Suspects,
            (Self::Suspects(_), false) => Plan::Quiet,
            (Self::Everybody | Self::Others(_), true) => Plan::OthersFirst,
            (Self::Everybody | Self::Others(_), false) => Plan::Others,
        }
    }

    /// Whose turn it was, after a claim that saw suspects or none, and took some or none.
    pub(super) fn after(self, saw: Suspects, now: Instant) -> Self {
        match (self, saw) {
            (_, Suspects::None) => Self::Everybody,
            (Self::Everybody | Self::Awaited(_) | Self::Others(_), Suspects::Taken) => Self::Suspects(now),
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

    /// Claims at these moments, in seconds, and whether something runs at each; what is claimed while suspects wait.
    fn plans(moments: &[(u64, bool)]) -> Vec<Plan> {
        let (start, mut turn) = (Instant::now(), Turn::default());
        let claim = |(second, idle): &(u64, bool)| {
            let now = start + Duration::from_secs(*second);
            turn = turn.go_on(*idle, now, LEASE);
            let plan = turn.plan(*idle);
            if plan == Plan::Suspects {
                turn = turn.after(Suspects::Taken, now);
            } else if plan != Plan::Quiet {
                turn = turn.after(Suspects::Waiting, now);
            }
            plan
        };
        moments.iter().map(claim).collect()
    }

    #[test]
    fn many_suspects_run_one_after_the_other_and_then_the_others_have_as_long() {
        let plans =
            plans(&[(0, IDLE), (1, BUSY), (2, IDLE), (14, IDLE), (15, IDLE), (16, BUSY), (29, BUSY), (30, BUSY)]);
        let theirs = [Plan::Suspects, Plan::Quiet, Plan::Suspects, Plan::Suspects];
        assert_eq!(plans[..4], theirs);
        assert_eq!(plans[4..], [Plan::OthersFirst, Plan::Others, Plan::Others, Plan::Nothing]);
    }

    #[test]
    fn suspects_wait_for_what_runs_but_nobody_waits_for_them_for_ever() {
        let plans =
            plans(&[(0, BUSY), (14, BUSY), (15, BUSY), (29, BUSY), (30, BUSY), (31, IDLE), (45, BUSY), (46, BUSY)]);
        assert_eq!(plans[..4], [Plan::Nothing, Plan::Nothing, Plan::Others, Plan::Others]);
        assert_eq!(plans[4..], [Plan::Nothing, Plan::Suspects, Plan::Quiet, Plan::Others]);
    }

    #[test]
    fn without_suspects_nobody_waits() {
        let now = Instant::now();
        assert_eq!(Turn::default().go_on(BUSY, now, LEASE).after(Suspects::None, now), Turn::Everybody);
    }
}
