//! What an operation has at hand. What is not here it cannot do.

use kernel::{Error, Id, OrgId, Page, PageOptions, Prefix, Result, Time};
use store::{BoxFuture, Reader, Tx};

use super::{
    Caller, Placed, Range, Reach,
    page::{self, Seal},
};
use crate::{
    DomainEvent, NewJob, Pattern, Publisher, World,
    queue::{JobId, JobKey, cancel, enqueue, reschedule},
    schedule, unschedule,
};

/// What a query has at hand: one snapshot, bound to the caller's organization.
pub struct QueryCtx<'t> {
    /// The snapshot.
    pub db: &'t mut Reader,
    pub(super) caller: &'t Caller,
    /// Whether the answer is for this person alone.
    pub(super) is_personal: bool,
    pub(super) world: &'t World,
    pub(super) seal: Seal,
    /// Where the last page of this subscription ended, as the client brings it back; then where this one does.
    pub(super) journal: Option<String>,
}

impl QueryCtx<'_> {
    /// Who asks. Only queries that say [`super::Query::PERSONAL`] may know: the answers of all others are shared by everybody
    /// with the same [`QueryCtx::reach`].
    ///
    /// # Errors
    /// `Internal` in a query that does not say so.
    pub fn caller(&self) -> Result<&Caller> {
        if self.is_personal {
            return Ok(self.caller);
        }
        let message = "a query read who asks, and its answer is shared: it lacks `const PERSONAL: bool = true`";
        Err(Error::internal("query_not_personal", message).never_retry())
    }

    /// What the answer may depend on: the role of who asks, and whose rows they see.
    pub fn reach(&self) -> Reach {
        self.caller.reach()
    }

    /// The caller's organization.
    ///
    /// # Errors
    /// `Forbidden` when they have none.
    pub fn organization(&self) -> Result<&OrgId> {
        organization(self.caller)
    }

    /// The present moment. An answer that depends on it changes only when something else does.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// A part of a long list. `load` reads the rows of a range in the order of their places.
    ///
    /// # Errors
    /// `BadRequest` when a cursor is not one that this query gave to this organization.
    pub async fn page<T, F>(&mut self, options: &PageOptions, load: F) -> Result<Page<T>>
    where
        T: Placed + Send,
        F: for<'r> FnOnce(&'r mut Reader, Range) -> BoxFuture<'r, Result<Vec<T>>> + Send,
    {
        let asked = page::Asked::read(&self.seal, options, self.journal.as_deref())?;
        let rows = load(self.db, asked.range()).await?;
        let (page, journal) = asked.answer(&self.seal, rows)?;
        self.journal = Some(journal);
        Ok(page)
    }
}

/// What a mutation has at hand: one serializable transaction, bound to the caller's organization.
pub struct MutationCtx<'t> {
    /// The transaction.
    pub db: &'t mut Tx,
    pub(super) caller: &'t Caller,
    pub(super) world: &'t World,
    pub(super) publisher: &'t Publisher,
}

impl MutationCtx<'_> {
    /// Who asks.
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// The caller's organization.
    ///
    /// # Errors
    /// `Forbidden` when they have none.
    pub fn organization(&self) -> Result<&OrgId> {
        organization(self.caller)
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// A new id.
    pub fn new_id<P: Prefix>(&self) -> Id<P> {
        self.world.new_id()
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        self.world
    }

    /// Puts a job of the caller's organization into the queue, in this transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn enqueue(&mut self, job: NewJob) -> Result<Option<JobId>> {
        enqueue(self.db, self.world, job).await
    }

    /// Lets a job of the caller's organization run at another moment, in this transaction: see [`crate::reschedule`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn reschedule(&mut self, key: JobKey, at: Time) -> Result<bool> {
        reschedule(self.db, self.world, &key, at).await
    }

    /// Cancels a job of the caller's organization, in this transaction: see [`crate::cancel`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn cancel(&mut self, key: JobKey) -> Result<bool> {
        cancel(self.db, self.world, &key).await
    }

    /// Enqueues `job` for the caller's organization whenever `pattern` says so. `name` is the organization's own name for it:
    /// the schedule that had it before is replaced.
    ///
    /// # Errors
    /// `Forbidden` when the caller has no organization; what the database says.
    pub async fn schedule(&mut self, name: &str, pattern: &Pattern, job: NewJob) -> Result<()> {
        schedule(self.db, self.world, name, pattern, job).await
    }

    /// Ends a schedule of the caller's organization. False when there was none of this name.
    ///
    /// # Errors
    /// `Forbidden` when the caller has no organization; what the database says.
    pub async fn unschedule(&mut self, name: &str) -> Result<bool> {
        unschedule(self.db, name).await
    }

    /// Tells every feature that subscribed to it that something happened, in this transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn emit<E: DomainEvent>(&mut self, event: E) -> Result<()> {
        self.publisher.emit(self.db, &event).await
    }
}

fn organization(caller: &Caller) -> Result<&OrgId> {
    caller.organization.as_ref().ok_or_else(store::no_organization)
}
