//! Moving and cancelling a job by its key, in the caller's own transaction: a reminder moves with its appointment, or
//! goes with it.

use std::borrow::Cow;

use kernel::{OrgId, Result, Time};
use store::Tx;

use super::{Job, enqueue::key_hash, sql::micros};
use crate::World;

/// The key of a job: of its kind, and of its organization where it has one.
#[derive(Clone, Debug)]
pub struct JobKey {
    kind: Cow<'static, str>,
    key: String,
    organization: Option<OrgId>,
}

impl JobKey {
    /// The key that was given to [`super::NewJob::key`] for a job of the type `J`.
    pub fn new<J: Job>(key: impl Into<String>) -> Self {
        Self { kind: Cow::Borrowed(J::NAME), key: key.into(), organization: None }
    }

    /// Of this organization, as [`super::NewJob::of`]. In an organization's transaction that goes without saying.
    #[must_use]
    pub fn of(mut self, organization: &OrgId) -> Self {
        self.organization = Some(organization.clone());
        self
    }

    fn hash(&self, tx: &Tx) -> i64 {
        let organization = self.organization.as_ref().or(tx.scope().organization());
        key_hash(&self.kind, &self.key, organization)
    }
}

/// Lets the job with this key run at another moment. False when there is none that has not begun: it runs, has ended, or
/// never was.
///
/// # Errors
/// What the database says.
pub async fn reschedule(tx: &mut Tx, world: &World, key: &JobKey, at: Time) -> Result<bool> {
    let hash = key.hash(tx);
    let moved = tx
        .system(
            "update jobs set state = 'scheduled', rank = $2 where dedupe = $1 and rank is not null
                 and state in ('scheduled', 'throttled', 'ready', 'unhandled')",
        )
        .bind(hash)
        .bind(micros(at))
        .execute()
        .await?;
    if moved > 0 && at <= world.now() {
        tx.wake();
    }
    Ok(moved > 0)
}

/// Cancels the job with this key, and frees the key for another one. A job that runs is told when it shows its progress or
/// writes, and its lane waits for the end of that run. False when there is none that has not ended.
///
/// # Errors
/// What the database says.
pub async fn cancel(tx: &mut Tx, world: &World, key: &JobKey) -> Result<bool> {
    let hash = key.hash(tx);
    let cancelled = tx
        .system(
            "update jobs set dedupe = null,
                 state = case when state in ('running', 'cancelling') then 'cancelling' else 'cancelled' end,
                 rank = case when state in ('running', 'cancelling') then rank end,
                 finished_ms = case when state in ('running', 'cancelling') then finished_ms else $2 end
             where dedupe = $1 and rank is not null",
        )
        .bind(hash)
        .bind(world.now())
        .execute()
        .await?;
    Ok(cancelled > 0)
}
