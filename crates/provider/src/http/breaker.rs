//! The circuit breaker: calls to a vendor that is down fail at once, instead of each waiting for its time-out.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Clock, Time};

use super::Options;

/// Counts consecutive failures. It opens after too many of them, lets one call through after a pause, and closes when
/// that call succeeds.
pub(super) struct Breaker {
    most_failures: u32,
    pause: Duration,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Time,
    },
    /// One trial call is in progress.
    Trying,
}

impl Breaker {
    pub(super) fn new(options: &Options, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(State::Closed { failures: 0 });
        Self { most_failures: options.breaker_failures.max(1), pause: options.breaker_pause, clock, state }
    }

    /// Admits one attempt, whose result must be reported to the pass. The error is the time to wait.
    pub(super) fn admit(&self) -> Result<Pass<'_>, Duration> {
        let now = self.clock.now();
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Ok(Pass { breaker: self, told: false, trial: false }),
            State::Open { until } if now < until => Err(until.since(now)),
            State::Open { .. } => {
                *state = State::Trying;
                Ok(Pass { breaker: self, told: false, trial: true })
            }
            State::Trying => Err(self.pause),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is one small value, which is complete even if a holder of the lock panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One admitted attempt.
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    told: bool,
    trial: bool,
}

impl Pass<'_> {
    /// Reports that the vendor answered; a refusal counts as an answer.
    pub(super) fn alive(mut self) {
        self.told = true;
        let mut state = self.breaker.state();
        // A late answer to a call from before the failures does not end the pause.
        if self.trial || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
    }

    /// Reports that the vendor failed or could not be reached.
    pub(super) fn dead(mut self) {
        self.told = true;
        let until = self.breaker.clock.now() + self.breaker.pause;
        let mut state = self.breaker.state();
        *state = match *state {
            State::Closed { failures } if failures + 1 < self.breaker.most_failures => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } => State::Open { until },
            State::Trying if self.trial => State::Open { until },
            state @ (State::Open { .. } | State::Trying) => state,
        };
    }
}

/// A trial that is dropped, because its caller went away, proves nothing: the next call may be the trial.
impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.trial && !self.told {
            let until = self.breaker.clock.now();
            *self.breaker.state() = State::Open { until };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[derive(Default)]
    struct Moved(AtomicI64);
    impl Clock for Moved {
        fn now(&self) -> Time {
            Time::from_ms(self.0.load(Ordering::Relaxed))
        }
    }
    impl Moved {
        fn advance(&self, by: Duration) {
            self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
        }
    }

    fn breaker() -> (Breaker, Arc<Moved>) {
        let clock = Arc::new(Moved::default());
        let options = Options { breaker_failures: 3, breaker_pause: PAUSE, ..Options::default() };
        (Breaker::new(&options, clock.clone()), clock)
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.admit().expect("a pass").dead();
        }
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (breaker, _) = breaker();
        fail(&breaker, 2);
        breaker.admit().unwrap().alive();
        fail(&breaker, 2);
        assert!(breaker.admit().is_ok());
    }

    #[test]
    fn while_it_is_open_callers_learn_how_long() {
        let (breaker, clock) = breaker();
        fail(&breaker, 3);
        clock.advance(Duration::from_secs(10));
        assert_eq!(breaker.admit().err(), Some(Duration::from_secs(20)));
    }

    #[test]
    fn after_the_pause_one_call_tries_and_its_success_closes_it() {
        let (breaker, clock) = breaker();
        fail(&breaker, 3);
        clock.advance(PAUSE);
        let trial = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "only one");
        trial.alive();
        fail(&breaker, 2);
        assert!(breaker.admit().is_ok(), "and the count begins anew");
    }

    #[test]
    fn a_failed_trial_begins_another_pause_and_an_abandoned_one_does_not() {
        let (breaker, clock) = breaker();
        fail(&breaker, 3);
        clock.advance(PAUSE);
        drop(breaker.admit());
        breaker.admit().expect("the next may try").dead();
        assert_eq!(breaker.admit().err(), Some(PAUSE));
    }

    #[test]
    fn a_late_success_does_not_end_the_pause() {
        let (breaker, _) = breaker();
        let early = breaker.admit().unwrap();
        fail(&breaker, 3);
        early.alive();
        assert!(breaker.admit().is_err());
    }
}
