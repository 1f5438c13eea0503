//! How an entry ends, or begins again.

use std::{sync::Arc, time::Duration};

use kernel::{Code, Error, Result, Retry, Scope, Time, mask};
use store::{BoxFuture, Isolation, Tx};

use super::Node;
use crate::{
    queue::{
        CLAIM_LOST, Claimed, SNOOZED, Seq, State,
        sql::{self, Failure},
        throttle,
    },
    text::into_storable,
};

/// Longer errors are cut: they are shown in lists.
const ERROR_LENGTH: usize = 1000;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Between two tries to write an end.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Node {
    /// Ends entries whose effects are complete, or that have none. False when another claimer has one of them.
    pub(super) async fn finish_many(&self, claim: i64, seqs: Vec<Seq>, state: State) -> bool {
        let (now, list) = (self.world.now(), Arc::new(seqs.clone()));
        let ended = self.until_written(move |tx| {
            let list = list.clone();
            Box::pin(async move { sql::finish_many(tx, claim, &list, state, now).await })
        });
        let ended = ended.await.unwrap_or(0);
        metrics::counter!("trunkline_jobs_ended_total", "status" => state.status()).increment(ended);
        self.let_go(claim, &seqs);
        ended == u64::try_from(seqs.len()).unwrap_or(0)
    }

    /// Gives back what was claimed and not begun.
    pub(super) async fn release(&self, claim: i64, seqs: Vec<Seq>) {
        let (now, list) = (self.world.now(), Arc::new(seqs.clone()));
        self.until_written(move |tx| {
            let list = list.clone();
            Box::pin(async move {
                tx.wake();
                sql::release(tx, claim, &list, now).await
            })
        })
        .await;
        self.let_go(claim, &seqs);
    }

    /// Notes a failed attempt. True when nothing holds back the rest of its lane: it was given up.
    pub(super) async fn failed(&self, claim: i64, entry: &Claimed, error: Error) -> bool {
        if error.tag == CLAIM_LOST {
            let (seq, now) = (entry.seq, self.world.now());
            tracing::warn!(seq, "the entry was cancelled, or another node took it over");
            self.until_written(move |tx| Box::pin(sql::end_cancelled(tx, claim, seq, now))).await;
            self.let_go(claim, &[entry.seq]);
            return false;
        }
        let (failure, outcome) = self.failure(entry, &error);
        match failure.next {
            Some(_) if !failure.counts => {
                tracing::debug!(seq = entry.seq, kind = entry.kind, ?error, "runs again later")
            }
            Some(next) => tracing::warn!(seq = entry.seq, kind = entry.kind, ?error, %next, "an attempt failed"),
            None => tracing::error!(seq = entry.seq, kind = entry.kind, ?error, "given up"),
        }
        metrics::counter!("trunkline_jobs_failed_total", "kind" => entry.kind.clone(), "outcome" => outcome)
            .increment(1);
        let (given_up, closed) = (failure.next.is_none(), self.closed_limit(entry, &error));
        // A failure whose text the database refuses must be noted all the same: an entry without an end looks like one
        // that killed its process.
        if self.note_failure(claim, entry.seq, failure.clone(), closed.clone()).await.is_none() {
            let tag = into_storable(error.tag.to_owned());
            let error = format!("{tag}: the text of this error cannot be stored, see the log");
            self.note_failure(claim, entry.seq, Failure { error: Some(error), ..failure }, closed).await;
        }
        self.let_go(claim, &[entry.seq]);
        given_up
    }

    async fn note_failure(&self, claim: i64, seq: Seq, failure: Failure, closed: Option<(String, Time)>) -> Option<()> {
        let (now, noted) = (self.world.now(), Arc::new((failure, closed)));
        self.until_written(move |tx| {
            let noted = noted.clone();
            Box::pin(async move {
                let (failure, closed) = &*noted;
                if let Some((limit, until)) = closed {
                    throttle::close(tx, limit, *until).await?;
                }
                sql::fail(tx, claim, seq, failure, now).await
            })
        })
        .await
    }

    /// How this is noted, and what it is called in the metrics.
    fn failure(&self, entry: &Claimed, error: &Error) -> (Failure, &'static str) {
        let now = self.world.now();
        match error.retry() {
            Retry::After(wait) if error.tag == SNOOZED => {
                (Failure { next: Some(now + wait), counts: false, error: None }, "snoozed")
            }
            // The limit is closed for as long, and what waits at it goes on then.
            Retry::After(wait) if entry.throttle.is_some() && error.code == Code::RateLimited => {
                (Failure { next: Some(now + wait), counts: false, error: Some(describe(error)) }, "rate_limited")
            }
            Retry::Never | Retry::Soon | Retry::After(_) => {
                let next = self.next_attempt(entry, error);
                let outcome = if next.is_some() { "retry" } else { "dead" };
                (Failure { next, counts: true, error: Some(describe(error)) }, outcome)
            }
        }
    }

    /// The limit of the entry, and until when it is closed: where a vendor said how long to wait.
    fn closed_limit(&self, entry: &Claimed, error: &Error) -> Option<(String, Time)> {
        match error.retry() {
            Retry::After(wait) if error.tag != SNOOZED => Some((entry.throttle.clone()?, self.world.now() + wait)),
            Retry::Never | Retry::Soon | Retry::After(_) => None,
        }
    }

    /// When to try again; never when it cannot help or has been tried often enough.
    fn next_attempt(&self, entry: &Claimed, error: &Error) -> Option<Time> {
        if entry.attempts + 1 >= entry.max_attempts {
            return None;
        }
        let doublings = u32::try_from(entry.attempts.min(20)).unwrap_or(20);
        let wait = self.options.back_off.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT);
        let wait = match error.retry() {
            Retry::Never => return None,
            Retry::Soon => wait,
            Retry::After(least) => wait.max(least),
        };
        // Up to a quarter more, so that what failed together does not come back together.
        let quarter = u64::try_from(wait.as_millis() / 4).unwrap_or(0);
        let jitter = u64::try_from(self.world.number()).unwrap_or(0) % (quarter + 1);
        Some(self.world.now() + wait + Duration::from_millis(jitter))
    }

    /// Writes an end, and goes on trying while the database is down: a run that ended must not look like a crash.
    /// None when it never can be written.
    async fn until_written<T, F>(&self, write: F) -> Option<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + Clone + 'static,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.db.write_at(Isolation::ReadCommitted, &Scope::System, write.clone()).await {
                Ok(written) => return Some(written),
                Err(error) if error.retry() == Retry::Never => {
                    tracing::error!(?error, "the end of an entry cannot be written: its lease will run out");
                    return None;
                }
                Err(error) => {
                    tracing::warn!(?error, "the end of an entry is not written yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// The error for those who look at the list: one line that any database can store, masked, with its facts.
fn describe(error: &Error) -> String {
    let text = into_storable(format!("{error:?}"));
    let masked = mask(&text);
    match masked.char_indices().nth(ERROR_LENGTH) {
        Some((cut, _)) => format!("{}…", &masked[..cut]),
        None => masked.into_owned(),
    }
}
