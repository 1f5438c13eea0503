//! Calling an operation: who asks, whether they may, then the operation itself, in the transaction that fits its kind.

use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use kernel::{Error, OrgId, Result, Scope};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::{Db, Isolation, Reads, Tx};

use super::{
    ActionCtx, Audit, Caller, Catalog, Change, Directory, Identity, Mutation, MutationCtx, Operation, Query, QueryCtx,
    Replay, Who,
    action::{self, Calls, TypedQuery},
    canonical,
    page::Seal,
    registry::Run,
    replay::{self, Claim},
};
use crate::{
    Publisher, Subscriptions, World,
    timestamps::{PendingCommit, Timestamps},
};

/// Calls operations. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    services: Arc<Services>,
}

/// What operations work with.
#[derive(Clone)]
struct Services {
    catalog: Arc<Catalog>,
    db: Db,
    world: World,
    publisher: Publisher,
    directory: Arc<dyn Directory>,
    audit: Option<Arc<dyn Audit>>,
    cursors: hmac::Key,
    timestamps: Timestamps,
}

/// A mutation that was committed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its answer.
    pub output: Value,
    /// Its timestamp: a snapshot of this timestamp or a later one shows it. A repetition is answered with the same one.
    pub ts: u64,
}

/// A query to be run.
#[derive(Clone, Debug)]
pub struct QueryRequest {
    /// The operation, as the caller spells it.
    pub operation: String,
    /// Its arguments: an object, or an array with one.
    pub arguments: Value,
    /// What the answer before gave back: where its page ended.
    pub journal: Option<String>,
}

/// The answer to a query.
pub struct Answer {
    /// JSON, or why there is none.
    pub outcome: Result<Value>,
    /// What the next run has to be given.
    pub journal: Option<String>,
    /// Its read set: a commit that writes there may change the answer.
    pub reads: Reads,
}

/// Answers that were read from one snapshot.
pub struct Snapshot {
    /// Every commit with this timestamp or an earlier one is in the answers.
    pub ts: u64,
    /// One for each question, in their order.
    pub answers: Vec<Answer>,
}

impl Operations {
    /// Operations on this database. `cursors` is the key that seals cursors, the same on all nodes.
    pub fn new(catalog: Catalog, db: Db, world: World, directory: Arc<dyn Directory>, cursors: &[u8]) -> Self {
        let cursors = hmac::Key::new(hmac::HMAC_SHA256, cursors);
        let timestamps = Timestamps::new(world.clone());
        let publisher = Publisher::new(&world, &Subscriptions::default());
        let catalog = Arc::new(catalog);
        let services = Services { catalog, db, world, publisher, directory, audit: None, cursors, timestamps };
        Self { services: Arc::new(services) }
    }

    /// Returns the same operations with a log of what mutations do. Clones that were made before go on without it.
    #[must_use]
    pub fn audited(self, audit: Arc<dyn Audit>) -> Self {
        Self { services: Arc::new(Services { audit: Some(audit), ..(*self.services).clone() }) }
    }

    /// Returns the same operations, whose domain events reach these subscribers. Clones that were made before go on without
    /// them.
    #[must_use]
    pub fn announcing(self, subscriptions: &Subscriptions) -> Self {
        let publisher = Publisher::new(&self.services.world, subscriptions);
        Self { services: Arc::new(Services { publisher, ..(*self.services).clone() }) }
    }

    /// Emits domain events in transactions beside the operations.
    pub fn publisher(&self) -> &Publisher {
        &self.services.publisher
    }

    /// What can be called.
    pub fn catalog(&self) -> &Catalog {
        &self.services.catalog
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.services.db
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        &self.services.world
    }

    /// The source of timestamps.
    pub fn timestamps(&self) -> &Timestamps {
        &self.services.timestamps
    }

    /// Finds the organization that somebody acts in. `wanted` is the one they chose, if they did.
    ///
    /// # Errors
    /// `Forbidden` when it is none of theirs, `Unauthenticated` when what they showed is worth nothing.
    pub async fn enter(&self, identity: Identity, wanted: Option<&str>, origin: Option<String>) -> Result<Who> {
        let (directory, shown) = (self.services.directory.clone(), identity.clone());
        let wanted = wanted.map(ToOwned::to_owned);
        let read = self.services.db.read(&Scope::System, |tx| {
            Box::pin(async move { directory.organization(tx, &shown, wanted.as_deref()).await })
        });
        Ok(Who { identity, organization: read.await?, origin })
    }

    /// Runs queries on one snapshot. One that fails fails alone.
    ///
    /// It waits for no mutation: one that is being committed is in the answers or not.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn snapshot(&self, who: &Who, requests: Vec<QueryRequest>) -> Result<Snapshot> {
        // Whatever has this timestamp or an earlier one is committed before the snapshot begins.
        let ts = self.services.timestamps.settled(who.organization.as_ref());
        let (operations, who, scope) = (self.clone(), who.clone(), scope(who));
        let answers = self.services.db.read(&scope, |tx| {
            Box::pin(async move {
                let mut answers = Vec::with_capacity(requests.len());
                for request in requests {
                    answers.push(operations.answer(tx, &who, request).await);
                }
                Ok(answers)
            })
        });
        Ok(Snapshot { ts, answers: answers.await? })
    }

    /// Waits until every commit up to `ts` can be seen: for who wants answers that are not older. It takes as long as the
    /// slowest mutation that began to commit before `ts`; plain queries wait for nothing.
    pub async fn catch_up(&self, who: &Who, ts: u64) {
        self.services.timestamps.settle(who.organization.as_ref(), ts).await;
    }

    /// Runs one query.
    ///
    /// # Errors
    /// What the query returns.
    pub async fn query(&self, who: &Who, operation: &str, arguments: Value) -> Result<Value> {
        let request = QueryRequest { operation: operation.to_owned(), arguments, journal: None };
        let mut snapshot = self.snapshot(who, vec![request]).await?;
        snapshot.answers.remove(0).outcome
    }

    /// Runs a mutation. With the same `replay` it runs once, however often it is called.
    ///
    /// # Errors
    /// What the mutation returns; then nothing was written. Or an error of which [`Operations::is_in_doubt`] is true.
    pub async fn mutation(
        &self,
        who: &Who,
        operation: &str,
        arguments: &Value,
        replay: Option<Replay>,
    ) -> Result<Committed> {
        let found = self.services.catalog.find(operation)?;
        let Run::Mutation(_) = &found.run else { return Err(wrong_kind(found, "a mutation")) };
        let run = Arc::new(MutationRun {
            operations: self.clone(),
            who: who.clone(),
            operation: found.description.name,
            arguments: found.arguments.check(arguments)?,
            replay,
            pending: Mutex::default(),
        });
        let ended = run.clone();
        let write = store::work(move |tx| {
            let run = run.clone();
            Box::pin(async move { run.run(tx).await })
        });
        let committed = self.services.db.write(&scope(who), write).await;
        // Its subscribers have heard of it, or it was rolled back.
        ended.hold(None);
        committed
    }

    /// Whether the outcome of a mutation that failed with this error is in doubt, because the database went away during the
    /// commit. With the same `replay` it can be called again.
    pub fn is_in_doubt(error: &Error) -> bool {
        store::is_down(error)
    }

    /// Forgets the answers to mutations of a session of the live protocol up to this timestamp: the client was shown what they
    /// changed, and does not ask for them again. It is an economy: when it fails, they are forgotten by their age.
    pub async fn forget_shown(&self, who: &Who, session: &str, ts: u64) {
        let (who, session, ts) = (who.clone(), session.to_owned(), i64::try_from(ts).unwrap_or(i64::MAX));
        let write = store::work(move |tx| {
            let (who, session) = (who.clone(), session.clone());
            Box::pin(async move { replay::forget_shown(tx, &who, &session, ts).await })
        });
        // Not serializable: a look into this table's index would stand in the way of everybody who writes there.
        if let Err(error) = self.services.db.write_at(Isolation::ReadCommitted, &Scope::System, write).await {
            tracing::debug!(?error, "answers that were shown are remembered for longer");
        }
    }

    /// Runs an action.
    ///
    /// # Errors
    /// What the action returns.
    pub async fn action(&self, who: &Who, operation: &str, arguments: &Value) -> Result<Value> {
        let found = self.services.catalog.find(operation)?;
        let Run::Action(action) = &found.run else { return Err(wrong_kind(found, "an action")) };
        let arguments = found.arguments.check(arguments)?;
        let caller = self.caller(who).await?;
        permit(&caller, found)?;
        action.run(&ActionCtx { calls: Arc::new(self.clone()), who: who.clone(), caller }, arguments).await
    }

    /// Who this is, now.
    ///
    /// # Errors
    /// `Unauthenticated` when what they showed is worth nothing any more.
    pub async fn caller(&self, who: &Who) -> Result<Caller> {
        let (operations, who) = (self.clone(), who.clone());
        self.services.db.read(&scope(&who), |tx| Box::pin(async move { operations.resolve(tx, &who).await })).await
    }

    /// Runs a query that is known by its type.
    pub(crate) async fn ask<Q: Query>(&self, who: &Who, query: Q) -> Result<Q::Output> {
        action::ask(self, who, query).await
    }

    /// Runs a mutation that is known by its type.
    pub(crate) async fn change<M>(&self, who: &Who, mutation: M, replay: Option<Replay>) -> Result<M::Output>
    where
        M: Mutation + Serialize,
        M::Output: DeserializeOwned,
    {
        action::change(self, who, mutation, replay).await
    }

    async fn answer(&self, tx: &mut Tx, who: &Who, request: QueryRequest) -> Answer {
        tx.take_reads();
        match self.resolve(tx, who).await {
            Ok(caller) => self.answer_to(tx, &caller, request).await,
            Err(error) => Answer { outcome: Err(error), journal: None, reads: tx.take_reads() },
        }
    }

    /// Answers somebody who was resolved in this transaction.
    pub(crate) async fn answer_to(&self, tx: &mut Tx, caller: &Caller, request: QueryRequest) -> Answer {
        let mut journal = None;
        let outcome = self.try_answer(tx, caller, request, &mut journal).await;
        Answer { outcome, journal, reads: tx.take_reads() }
    }

    async fn try_answer(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        request: QueryRequest,
        journal: &mut Option<String>,
    ) -> Result<Value> {
        let found = self.services.catalog.find(&request.operation)?;
        let Run::Query(query) = &found.run else { return Err(wrong_kind(found, "a query")) };
        permit(caller, found)?;
        let arguments = found.arguments.check(&request.arguments)?;
        let seal = self.seal(caller.organization.as_ref(), found.description.name, &arguments);
        let mut ctx = self.reading(tx, caller, found.description.personal, seal, request.journal);
        let output = query.run(&mut ctx, arguments).await?;
        *journal = ctx.journal.take();
        Ok(output)
    }

    fn reading<'t>(
        &'t self,
        tx: &'t mut Tx,
        caller: &'t Caller,
        is_personal: bool,
        seal: Seal,
        journal: Option<String>,
    ) -> QueryCtx<'t> {
        QueryCtx { db: tx, caller, is_personal, world: &self.services.world, seal, journal }
    }

    /// What this caller's cursors of this query are sealed for: they mean nothing elsewhere.
    fn seal(&self, organization: Option<&OrgId>, operation: &str, arguments: &Value) -> Seal {
        let mut asked = arguments.clone();
        if let Value::Object(fields) = &mut asked {
            fields.remove("paginationOpts");
        }
        let organization = organization.map(ToString::to_string).unwrap_or_default();
        Seal::new(&self.services.cursors, format!("{organization} {operation} {}", canonical(&asked)))
    }

    /// Who somebody is, now.
    pub(crate) async fn resolve(&self, tx: &mut Tx, who: &Who) -> Result<Caller> {
        if who.identity.expires_at().is_some_and(|end| end <= self.services.world.now()) {
            return Err(Error::new(
                kernel::Code::Unauthenticated,
                "token_expired",
                "the token has expired: sign in again",
            ));
        }
        self.services.directory.caller(tx, who.organization.as_ref(), &who.identity).await
    }
}

#[async_trait]
impl Calls for Operations {
    fn world(&self) -> &World {
        &self.services.world
    }

    async fn read(&self, who: &Who, query: TypedQuery) -> Result<Box<dyn Any + Send>> {
        let (operations, who, scope) = (self.clone(), who.clone(), scope(who));
        let read = self.services.db.read(&scope, |tx| {
            Box::pin(async move {
                let caller = operations.resolve(tx, &who).await?;
                caller.check(query.access)?;
                caller.check_scope(query.name)?;
                let seal = operations.seal(who.organization.as_ref(), query.name, &Value::Null);
                (query.run)(&mut operations.reading(tx, &caller, query.is_personal, seal, None)).await
            })
        });
        read.await
    }

    async fn write(
        &self,
        who: &Who,
        operation: &'static str,
        arguments: Value,
        replay: Option<Replay>,
    ) -> Result<Value> {
        Ok(self.mutation(who, operation, &arguments, replay).await?.output)
    }
}

/// A call of a mutation. Its transaction may run several times until it is committed.
struct MutationRun {
    operations: Operations,
    who: Who,
    operation: &'static str,
    arguments: Value,
    replay: Option<Replay>,
    /// Its timestamp, until everybody can see what it wrote.
    pending: Mutex<Option<PendingCommit>>,
}

impl MutationRun {
    async fn run(&self, tx: &mut Tx) -> Result<Committed> {
        let services = &self.operations.services;
        let found = services.catalog.find(self.operation)?;
        let Run::Mutation(mutation) = &found.run else { return Err(wrong_kind(found, "a mutation")) };
        let caller = self.operations.resolve(tx, &self.who).await?;
        permit(&caller, found)?;
        if let Identity::Job(job) = &self.who.identity {
            job.fence.check(tx).await?;
        }
        let slot = match &self.replay {
            None => None,
            Some(replay) => match replay::claim(tx, replay, &caller, self.operation, &self.arguments).await? {
                Claim::New(slot) => Some(slot),
                Claim::Answered(_) if found.description.shown_once => return Err(shown_once()),
                Claim::Answered(answered) => {
                    let ts = u64::try_from(answered.ts).unwrap_or_default();
                    services.timestamps.observe(ts);
                    return Ok(Committed { output: answered.output, ts });
                }
            },
        };
        let mut ctx = MutationCtx { db: tx, caller: &caller, world: &services.world, publisher: &services.publisher };
        let output = mutation.run(&mut ctx, self.arguments.clone()).await?;
        let pending = services.timestamps.begin(self.who.organization.as_ref());
        let ts = pending.ts;
        self.hold(Some(pending));
        self.record(tx, &caller, &output).await?;
        if let Some(slot) = slot {
            let kept = if found.description.shown_once { &Value::Null } else { &output };
            replay::remember(tx, slot, kept, i64::try_from(ts).unwrap_or(i64::MAX)).await?;
        }
        Ok(Committed { output, ts })
    }

    fn hold(&self, pending: Option<PendingCommit>) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = pending;
    }

    async fn record(&self, tx: &mut Tx, caller: &Caller, output: &Value) -> Result<()> {
        let services = &self.operations.services;
        let Some(audit) = &services.audit else { return Ok(()) };
        let change = Change {
            caller,
            operation: self.operation,
            arguments: &self.arguments,
            output,
            origin: self.who.origin.as_deref(),
            at: services.world.now(),
            world: &services.world,
        };
        audit.record(tx, &change).await
    }
}

/// Whether they may call it at all: before the operation can reach anything.
fn permit(caller: &Caller, found: &Operation) -> Result<()> {
    caller.check(found.description.access)?;
    caller.check_scope(found.description.name)
}

fn scope(who: &Who) -> Scope {
    who.organization.clone().map_or(Scope::System, Scope::Organization)
}

fn shown_once() -> Error {
    Error::conflict(
        "answer_shown_once",
        "this was done before, and its answer is shown once only: look for what it made, or make another one",
    )
}

fn wrong_kind(found: &Operation, wanted: &str) -> Error {
    Error::bad_request("operation_kind", format!("{} is not {wanted}", found.description.name))
}
