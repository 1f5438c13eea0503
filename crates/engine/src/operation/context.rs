//! What an operation has at hand. What is not here it cannot do.

use kernel::{Id, OrgId, Page, PageOptions, Prefix, Result, Time};
use serde::{Serialize, de::DeserializeOwned};
use store::{BoxFuture, Reader, Tx};

use super::{
    Caller, Mutation, Operations, Placed, Query, Range, Who,
    page::{self, Seal},
};
use crate::{
    NewJob, World,
    queue::{JobId, JobKey, cancel, enqueue, reschedule},
};

/// What a query has at hand: one snapshot, bound to the caller's organization.
pub struct QueryCtx<'t> {
    /// The snapshot.
    pub db: &'t mut Reader,
    pub(super) caller: &'t Caller,
    pub(super) world: &'t World,
    pub(super) seal: Seal,
    /// Where the last page of this subscription ended, as the client brings it back; then where this one does.
    pub(super) journal: Option<String>,
}

impl QueryCtx<'_> {
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
        let job = match &self.caller.organization {
            Some(organization) => job.of(organization),
            None => job,
        };
        enqueue(self.db, self.world, job).await
    }

    /// Lets a job of the caller's organization run at another moment, in this transaction: see [`crate::reschedule`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn reschedule(&mut self, key: JobKey, at: Time) -> Result<bool> {
        let key = self.own(key);
        reschedule(self.db, self.world, &key, at).await
    }

    /// Cancels a job of the caller's organization, in this transaction: see [`crate::cancel`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn cancel(&mut self, key: JobKey) -> Result<bool> {
        let key = self.own(key);
        cancel(self.db, self.world, &key).await
    }

    fn own(&self, key: JobKey) -> JobKey {
        match &self.caller.organization {
            Some(organization) => key.of(organization),
            None => key,
        }
    }
}

/// What an action has at hand: queries and mutations, as the same caller.
pub struct ActionCtx {
    pub(super) operations: Operations,
    pub(super) who: Who,
    pub(super) caller: Caller,
}

impl ActionCtx {
    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        self.operations.world().now()
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        self.operations.world()
    }

    /// Asks a query, with the caller's rights.
    ///
    /// # Errors
    /// What the query returns.
    pub async fn query<Q: Query>(&self, query: Q) -> Result<Q::Output> {
        self.operations.ask(&self.who, query).await
    }

    /// Does a mutation, with the caller's rights.
    ///
    /// # Errors
    /// What the mutation returns.
    pub async fn mutation<M>(&self, mutation: M) -> Result<M::Output>
    where
        M: Mutation + Serialize,
        M::Output: DeserializeOwned,
    {
        self.operations.change(&self.who, mutation).await
    }
}

fn organization(caller: &Caller) -> Result<&OrgId> {
    caller.organization.as_ref().ok_or_else(store::no_organization)
}
