//! Running one entry.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use kernel::{Error, Result};
use tokio::time::timeout;

use super::{Node, permits::Permit, start::Work};
use crate::{
    JobCtx,
    queue::{Claimed, State},
};

/// What has not begun after this time is given back, where a node holds too much.
const LONG_WAIT: Duration = Duration::from_secs(2);

impl Node {
    /// Runs the entries of a lane one after the other. One that fails holds back those behind it.
    pub(super) async fn run_lane(self: Arc<Self>, claim: i64, works: Vec<Work>) {
        let mut works = works.into_iter();
        while let Some(work) = works.next() {
            let seq = work.entry.seq;
            let goes_on = match self.permit(&work.entry.tenant).await {
                Some(_permit) => {
                    // After a pause of this process, or of the database, the lease has to be renewed first.
                    self.lease.held().await;
                    self.run_one(claim, work).await
                }
                None => {
                    // The process stops, or another node begins it sooner.
                    self.release(claim, vec![seq]).await;
                    false
                }
            };
            if !goes_on {
                let rest: Vec<_> = works.map(|work| work.entry.seq).collect();
                if !rest.is_empty() {
                    self.release(claim, rest).await;
                }
                return;
            }
        }
    }

    /// Waits for a permit to run. None when the process stops, or when it takes long and this node holds more than it
    /// should: entries ended fast when these were claimed, and do so no longer.
    pub(super) async fn permit(&self, tenant: &str) -> Option<Permit> {
        loop {
            match timeout(LONG_WAIT, self.permits.acquire(tenant)).await {
                Ok(permit) => return permit,
                Err(_) if self.holds_too_much() => return None,
                Err(_) => {}
            }
        }
    }

    /// Runs one entry and writes its end. False when those behind it in its lane may not run now.
    async fn run_one(self: &Arc<Self>, claim: i64, work: Work) -> bool {
        let Work { entry, event } = work;
        let began = tokio::time::Instant::now();
        let label = event.as_ref().map_or_else(|| entry.kind.clone(), |(event, _)| event.provider.clone());
        let result = match event {
            Some((event, keys)) => {
                let run = AssertUnwindSafe(self.run_event(claim, event, keys)).catch_unwind().await;
                run.unwrap_or_else(|_| Err(panicked())).map(|()| None)
            }
            None => self.run_job(claim, &entry).await.map(|has_ended| (!has_ended).then_some(entry.seq)),
        };
        metrics::histogram!("trunkline_job_seconds", "kind" => label).record(began.elapsed().as_secs_f64());
        match result {
            Ok(None) => {
                // Its end was written with its effects.
                self.let_go(claim, &[entry.seq]);
                true
            }
            Ok(Some(seq)) => self.finish_many(claim, vec![seq], State::Processed).await,
            Err(error) => self.failed(claim, &entry, error).await,
        }
    }

    /// Runs a job. True when it wrote its end with its effects.
    async fn run_job(&self, claim: i64, entry: &Claimed) -> Result<bool> {
        let Some(job) = self.handlers.named(&entry.kind) else {
            // A claim takes only what this node knows.
            return Err(Error::internal("handler_gone", format!("the handler of the job {} is gone", entry.kind)));
        };
        let ctx = JobCtx::new(&self.db, &self.world, &self.handlers, claim, entry);
        let payload = entry.payload.clone().unwrap_or_default();
        let work = (job.run)(entry.version, payload, ctx.clone());
        let work = AssertUnwindSafe(work).catch_unwind();
        match timeout(job.timeout, work).await {
            Ok(run) => run.unwrap_or_else(|_| Err(panicked()))?,
            Err(_) => return Err(timed_out(&entry.kind, job.timeout)),
        }
        Ok(ctx.has_ended())
    }
}

pub(super) fn timed_out(what: &str, limit: Duration) -> Error {
    Error::unavailable("timed_out", format!("{what} did not end within its time limit of {limit:?}"))
}

pub(super) fn panicked() -> Error {
    Error::internal("panicked", "the handler panicked: this is a defect in it").never_retry()
}
