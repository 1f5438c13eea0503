//! What a running job has at hand.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::{Error, Id, OrgId, Prefix, Result, Scope, Time};
use serde::{Serialize, de::DeserializeOwned};
use store::{BoxFuture, Db, Isolation, Tx};

use super::{Claimed, Fence, JobId, NewJob, State, claim_lost, enqueue, sql};
use crate::{
    DomainEvent, Handlers, Publisher, ScopedDb, World,
    operation::{Identity, JobCaller, Mutation, Operations, Query, Replay, Who},
};

/// What a running job has at hand. Everything that it writes is fenced: the job's claim is checked in the same transaction,
/// so that a run that was cancelled, or whose node was taken for dead, writes nothing, enqueues nothing and calls nothing.
#[derive(Clone)]
pub struct JobCtx {
    pub(crate) db: ScopedDb,
    pub(crate) world: World,
    pub(crate) caller: JobCaller,
    pub(crate) attempt: i64,
    pub(crate) tools: Tools,
    pub(crate) operations: Option<Operations>,
    pub(crate) publisher: Publisher,
    /// Whether its end was written with its effects.
    pub(crate) ended: Arc<AtomicBool>,
}

/// What jobs work with, by its type. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Tools(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Tools {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, tool: T) {
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), Arc::new(tool));
    }
}

/// How far a long job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// How long the answer of a mutation that a job called once is kept: longer than a job is tried again.
const REPLAYS_DAYS: u64 = 14;

impl JobCtx {
    pub(crate) fn new(db: &Db, world: &World, handlers: &Handlers, claim: i64, entry: &Claimed) -> Self {
        let scope = entry.organization.clone().map_or(Scope::System, Scope::Organization);
        let fence = Fence { seq: entry.seq, claim };
        let caller =
            JobCaller { organization: entry.organization.clone(), kind: entry.kind.clone(), fence: fence.clone() };
        Self {
            db: ScopedDb::fenced(db, scope, fence),
            world: world.clone(),
            caller,
            attempt: entry.attempts + 1,
            tools: handlers.tools().clone(),
            operations: handlers.operations().cloned(),
            publisher: Publisher::new(world, handlers.subscriptions()),
            ended: Arc::default(),
        }
    }

    /// The database in the job's scope. What is written is fenced.
    pub fn db(&self) -> &ScopedDb {
        &self.db
    }

    /// Runs `work` on one snapshot of the job's scope.
    ///
    /// # Errors
    /// What `work` returns, and `Unavailable` when the database does not answer.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send,
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        self.db.read(work).await
    }

    /// Runs `work` in one serializable transaction of the job's scope. It may run again from the start.
    ///
    /// # Errors
    /// What `work` returns; `Conflict` when the job's claim was lost. With an error, nothing is written.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        self.db.write(work).await
    }

    /// Puts a job of the same organization into the queue.
    ///
    /// # Errors
    /// `Conflict` when this job's claim was lost; what the database says.
    pub async fn enqueue(&self, job: NewJob) -> Result<Option<JobId>> {
        let (world, job) = (self.world.clone(), Arc::new(job));
        self.write(move |tx| {
            let (world, job) = (world.clone(), job.clone());
            Box::pin(async move { enqueue(tx, &world, job.as_ref().clone()).await })
        })
        .await
    }

    /// Tells every feature that subscribed to it that something happened, in a transaction of its own. Within a transaction
    /// of the job, use [`JobCtx::publisher`].
    ///
    /// # Errors
    /// `Conflict` when this job's claim was lost; what the database says.
    pub async fn emit<E: DomainEvent>(&self, event: E) -> Result<()> {
        let (publisher, event) = (self.publisher.clone(), Arc::new(event));
        self.write(move |tx| {
            let (publisher, event) = (publisher.clone(), event.clone());
            Box::pin(async move { publisher.emit(tx, event.as_ref()).await })
        })
        .await
    }

    /// Emits domain events in the job's own transactions.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Asks a query of the job's organization, with the rights of an owner.
    ///
    /// # Errors
    /// What the query returns.
    pub async fn query<Q: Query>(&self, query: Q) -> Result<Q::Output> {
        self.operations()?.ask(&self.who(), query).await
    }

    /// Does a mutation of the job's organization, with the rights of an owner. The job's claim is checked in the mutation's
    /// transaction. An attempt after this one does it again: see [`JobCtx::mutation_once`].
    ///
    /// # Errors
    /// What the mutation returns; `Conflict` when the job's claim was lost.
    pub async fn mutation<M>(&self, mutation: M) -> Result<M::Output>
    where
        M: Mutation + Serialize,
        M::Output: DeserializeOwned,
    {
        self.operations()?.change(&self.who(), mutation, None).await
    }

    /// As [`JobCtx::mutation`], but done once however often the job is tried: a later attempt gets the first one's answer.
    /// `key` names the call within the job.
    ///
    /// # Errors
    /// As [`JobCtx::mutation`].
    pub async fn mutation_once<M>(&self, key: &str, mutation: M) -> Result<M::Output>
    where
        M: Mutation + Serialize,
        M::Output: DeserializeOwned,
    {
        let replay = Replay {
            session: self.idempotency_key(),
            request: key.to_owned(),
            keep_until: self.now() + Duration::from_secs(REPLAYS_DAYS * 86_400),
        };
        self.operations()?.change(&self.who(), mutation, Some(replay)).await
    }

    /// The same job within one organization: for jobs of the installation that walk through all of them.
    ///
    /// # Errors
    /// `Internal` when the job belongs to another organization.
    pub fn within(&self, organization: &OrgId) -> Result<Self> {
        let caller = JobCaller { organization: Some(organization.clone()), ..self.caller.clone() };
        Ok(Self { db: self.db.within(organization)?, caller, ..self.clone() })
    }

    /// The job's organization.
    ///
    /// # Errors
    /// `Internal` for a job of the installation, which has none.
    pub fn organization(&self) -> Result<&OrgId> {
        self.caller.organization.as_ref().ok_or_else(|| {
            let message = format!("the job {} belongs to an organization, and was enqueued for none", self.caller.kind);
            Error::internal("job_homeless", message).never_retry()
        })
    }

    /// The job's own reach: its organization, or the system.
    pub fn scope(&self) -> &Scope {
        self.db.scope()
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// A new id.
    pub fn new_id<P: Prefix>(&self) -> Id<P> {
        self.world.new_id()
    }

    /// A key that is the same in every attempt: for the vendors that take one.
    pub fn idempotency_key(&self) -> String {
        JobId::new(self.caller.fence.seq).to_string()
    }

    /// What the binary lent to jobs by [`crate::Handlers::lend`].
    ///
    /// # Errors
    /// `Internal` when it lent none of this type.
    pub fn tool<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let tool = self.tools.0.get(&TypeId::of::<T>()).and_then(|tool| tool.downcast_ref());
        tool.ok_or_else(|| {
            let name = std::any::type_name::<T>();
            Error::internal("tool_missing", format!("this binary has no {name} for its jobs")).never_retry()
        })
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> i64 {
        self.attempt
    }

    /// Shows how far the job has come. False when it was cancelled, or taken over by another node: then stop.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn progress(&self, progress: Progress) -> Result<bool> {
        let Fence { seq, claim } = self.caller.fence;
        let text = serde_json::json!({ "done": progress.done, "total": progress.total }).to_string();
        let write = store::work(move |tx| {
            let text = text.clone();
            Box::pin(async move {
                let changed = tx
                    .system("update jobs set progress = $3 where seq = $1 and claim = $2 and state = 'running'")
                    .bind(seq)
                    .bind(claim)
                    .bind(text)
                    .execute()
                    .await?;
                Ok(changed == 1)
            })
        });
        self.db.unfenced().write_at(Isolation::ReadCommitted, &Scope::System, write).await
    }

    /// Runs `work` in a transaction of `scope` that ends the job too, in the state that `work` returns: so that its effects
    /// are there exactly once.
    pub(crate) async fn end_with<F>(&self, scope: Scope, work: F) -> Result<()>
    where
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<State>> + Send + Sync + 'static,
    {
        let (Fence { seq, claim }, world, work) = (self.caller.fence.clone(), self.world.clone(), Arc::new(work));
        let write = store::work(move |tx| {
            let (work, world) = (work.clone(), world.clone());
            Box::pin(async move {
                let state = work(tx).await?;
                let organization = tx.scope().organization().cloned();
                if sql::finish(tx, claim, &[seq], state, organization.as_ref(), world.now()).await? {
                    Ok(state)
                } else {
                    Err(claim_lost())
                }
            })
        });
        let state = self.db.unfenced().write(&scope, write).await?;
        metrics::counter!("trunkline_jobs_ended_total", "status" => state.status()).increment(1);
        self.ended.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Whether its end was written with its effects.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn operations(&self) -> Result<&Operations> {
        self.operations.as_ref().ok_or_else(|| {
            Error::internal("operations_missing", "this binary lent its jobs no operations to call").never_retry()
        })
    }

    fn who(&self) -> Who {
        let identity = Identity::Job(Arc::new(self.caller.clone()));
        Who { identity, organization: self.caller.organization.clone(), origin: None }
    }
}
