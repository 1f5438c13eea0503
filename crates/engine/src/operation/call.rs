//! Calling an operation: who asks, whether they may, then the operation itself, in the transaction that fits its kind.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use kernel::{Error, OrgId, Result, Scope};
use serde::Serialize;
use serde_json::Value;
use store::{Db, Reads, Tx};

use super::{
    ActionCtx, Audit, Caller, Catalog, Change, Directory, Identity, Mutation, MutationCtx, Operation, Query, QueryCtx,
    Replay, arguments,
    page::Seal,
    registry::Run,
    replay::{self, Claim},
};
use crate::{
    World,
    timestamps::{Ticket, Timestamps},
};

/// Calls operations. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    inner: Arc<Inner>,
}

struct Inner {
    catalog: Catalog,
    db: Db,
    world: World,
    directory: Arc<dyn Directory>,
    audit: Option<Arc<dyn Audit>>,
    cursors: hmac::Key,
    timestamps: Timestamps,
}

/// Somebody with a place to act in.
#[derive(Clone, Debug, PartialEq)]
pub struct Who {
    /// What they showed.
    pub identity: Identity,
    /// In which organization they act.
    pub organization: Option<OrgId>,
    /// From where: an address, where one is known.
    pub origin: Option<String>,
}

/// A mutation that is on disk.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its answer.
    pub output: Value,
    /// When: what is of this moment or a later one shows it. The same however often it is asked for.
    pub ts: u64,
}

/// A query that somebody asks.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The operation, as the caller spells it.
    pub operation: String,
    /// Its arguments: an object, or an array with one.
    pub arguments: Value,
    /// What the answer before left behind.
    pub journal: Option<String>,
}

/// The answer to a query.
pub struct Answer {
    /// JSON, or why there is none.
    pub outcome: Result<Value>,
    /// What the next run has to bring back.
    pub journal: Option<String>,
    /// What it was read from: when something writes there, the answer may change.
    pub reads: Reads,
}

/// Answers of one moment.
pub struct Snapshot {
    /// The moment. Everything that was committed with this timestamp or an earlier one is in the answers.
    pub ts: u64,
    /// One for each question, in their order.
    pub answers: Vec<Answer>,
}

impl Operations {
    /// Operations on this database. `cursors` is the key that seals cursors, the same on all nodes.
    pub fn new(catalog: Catalog, db: Db, world: World, directory: Arc<dyn Directory>, cursors: &[u8]) -> Self {
        let cursors = hmac::Key::new(hmac::HMAC_SHA256, cursors);
        let timestamps = Timestamps::new(world.clone());
        Self { inner: Arc::new(Inner { catalog, db, world, directory, audit: None, cursors, timestamps }) }
    }

    /// The same, with somebody who writes down what mutations do. Call it before the first clone.
    #[must_use]
    pub fn audited(mut self, audit: Arc<dyn Audit>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.audit = Some(audit);
        }
        self
    }

    /// What can be called.
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        &self.inner.world
    }

    /// The source of timestamps.
    pub fn timestamps(&self) -> &Timestamps {
        &self.inner.timestamps
    }

    /// Finds the organization that somebody acts in. `wanted` is the one they chose, if they did.
    ///
    /// # Errors
    /// `Forbidden` when it is none of theirs, `Unauthenticated` when what they showed is worth nothing.
    pub async fn enter(&self, identity: Identity, wanted: Option<&str>, origin: Option<String>) -> Result<Who> {
        let (directory, shown) = (self.inner.directory.clone(), identity.clone());
        let wanted = wanted.map(ToOwned::to_owned);
        let read = self.inner.db.read(&Scope::System, |tx| {
            Box::pin(async move { directory.organization(tx, &shown, wanted.as_deref()).await })
        });
        Ok(Who { identity, organization: read.await?, origin })
    }

    /// Asks queries, all at one moment. One that fails fails alone.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn snapshot(&self, who: &Who, asked: Vec<Asked>) -> Result<Snapshot> {
        let ts = self.inner.timestamps.next();
        // Whatever has an earlier timestamp is committed before the snapshot begins.
        self.inner.timestamps.settle(who.organization.as_ref(), ts).await;
        let (operations, who, scope) = (self.clone(), who.clone(), scope(who));
        let answers = self.inner.db.read(&scope, |tx| {
            Box::pin(async move {
                let mut answers = Vec::with_capacity(asked.len());
                for asked in asked {
                    answers.push(operations.answer(tx, &who, asked).await);
                }
                Ok(answers)
            })
        });
        Ok(Snapshot { ts, answers: answers.await? })
    }

    /// Asks one query.
    ///
    /// # Errors
    /// What the query returns.
    pub async fn query(&self, who: &Who, operation: &str, arguments: Value) -> Result<Value> {
        let asked = Asked { operation: operation.to_owned(), arguments, journal: None };
        let mut snapshot = self.snapshot(who, vec![asked]).await?;
        snapshot.answers.remove(0).outcome
    }

    /// Does a mutation. The same `replay` does it once, however often it is asked for.
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
        let found = self.inner.catalog.find(operation)?;
        let Run::Mutation(_) = &found.run else { return Err(wrong_kind(found, "a mutation")) };
        let doing = Arc::new(Doing {
            operations: self.clone(),
            who: who.clone(),
            operation: found.description.name,
            arguments: found.arguments.check(arguments)?,
            replay,
            ticket: Mutex::default(),
        });
        let done = doing.clone();
        let write = store::work(move |tx| {
            let doing = doing.clone();
            Box::pin(async move { doing.run(tx).await })
        });
        let committed = self.inner.db.write(&scope(who), write).await;
        // Everybody was told of it, or it came to nothing.
        done.hold(None);
        committed
    }

    /// Whether nobody knows if the mutation that failed with this was done: the database went away. With the same `replay` it
    /// can be asked for again.
    pub fn is_in_doubt(error: &Error) -> bool {
        store::is_down(error)
    }

    /// Runs an action.
    ///
    /// # Errors
    /// What the action returns.
    pub async fn action(&self, who: &Who, operation: &str, arguments: &Value) -> Result<Value> {
        let found = self.inner.catalog.find(operation)?;
        let Run::Action(action) = &found.run else { return Err(wrong_kind(found, "an action")) };
        let arguments = found.arguments.check(arguments)?;
        let caller = self.caller(who).await?;
        permit(&caller, found)?;
        action.run(&ActionCtx { operations: self.clone(), who: who.clone(), caller }, arguments).await
    }

    /// Who this is, now.
    ///
    /// # Errors
    /// `Unauthenticated` when what they showed is worth nothing any more.
    pub async fn caller(&self, who: &Who) -> Result<Caller> {
        let (operations, who) = (self.clone(), who.clone());
        self.inner.db.read(&scope(&who), |tx| Box::pin(async move { operations.resolve(tx, &who).await })).await
    }

    /// Asks a query that is known by its type.
    pub(super) async fn ask<Q: Query>(&self, who: &Who, query: Q) -> Result<Q::Output> {
        let (operations, who, scope) = (self.clone(), who.clone(), scope(who));
        let read = self.inner.db.read(&scope, |tx| {
            Box::pin(async move {
                let caller = operations.resolve(tx, &who).await?;
                caller.check(Q::ACCESS)?;
                caller.check_scope(Q::NAME)?;
                let seal = operations.seal(who.organization.as_ref(), Q::NAME, &Value::Null);
                query.run(&mut operations.reading(tx, &caller, seal, None)).await
            })
        });
        read.await
    }

    /// Does a mutation that is known by its type.
    pub(super) async fn change<M: Mutation + Serialize>(&self, who: &Who, mutation: M) -> Result<M::Output>
    where
        M::Output: serde::de::DeserializeOwned,
    {
        let committed = self.mutation(who, M::NAME, &arguments::answer(&mutation)?, None).await?;
        serde_json::from_value(committed.output)
            .map_err(|error| Error::internal("answer_unreadable", "an answer cannot be read back").source(error))
    }

    async fn answer(&self, tx: &mut Tx, who: &Who, asked: Asked) -> Answer {
        tx.take_reads();
        match self.resolve(tx, who).await {
            Ok(caller) => self.answer_to(tx, &caller, asked).await,
            Err(error) => Answer { outcome: Err(error), journal: None, reads: tx.take_reads() },
        }
    }

    /// Answers somebody who was resolved in this transaction.
    pub(crate) async fn answer_to(&self, tx: &mut Tx, caller: &Caller, asked: Asked) -> Answer {
        let mut journal = None;
        let outcome = self.try_answer(tx, caller, asked, &mut journal).await;
        Answer { outcome, journal, reads: tx.take_reads() }
    }

    async fn try_answer(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        asked: Asked,
        journal: &mut Option<String>,
    ) -> Result<Value> {
        let found = self.inner.catalog.find(&asked.operation)?;
        let Run::Query(query) = &found.run else { return Err(wrong_kind(found, "a query")) };
        permit(caller, found)?;
        let arguments = found.arguments.check(&asked.arguments)?;
        let seal = self.seal(caller.organization.as_ref(), found.description.name, &arguments);
        let mut ctx = self.reading(tx, caller, seal, asked.journal);
        let output = query.run(&mut ctx, arguments).await?;
        *journal = ctx.journal.take();
        Ok(output)
    }

    fn reading<'t>(&'t self, tx: &'t mut Tx, caller: &'t Caller, seal: Seal, journal: Option<String>) -> QueryCtx<'t> {
        QueryCtx { db: tx, caller, world: &self.inner.world, seal, journal }
    }

    /// What this caller's cursors of this query are sealed for: they mean nothing elsewhere.
    fn seal(&self, organization: Option<&OrgId>, operation: &str, arguments: &Value) -> Seal {
        let mut asked = arguments.clone();
        if let Value::Object(fields) = &mut asked {
            fields.remove("paginationOpts");
        }
        let organization = organization.map(ToString::to_string).unwrap_or_default();
        Seal::new(&self.inner.cursors, format!("{organization} {operation} {asked}"))
    }

    /// Who somebody is, now.
    pub(crate) async fn resolve(&self, tx: &mut Tx, who: &Who) -> Result<Caller> {
        if who.identity.expires_at().is_some_and(|end| end <= self.inner.world.now()) {
            return Err(Error::new(
                kernel::Code::Unauthenticated,
                "token_expired",
                "the token has expired: sign in again",
            ));
        }
        self.inner.directory.caller(tx, who.organization.as_ref(), &who.identity).await
    }
}

/// A mutation on its way, to be run until it is through.
struct Doing {
    operations: Operations,
    who: Who,
    operation: &'static str,
    arguments: Value,
    replay: Option<Replay>,
    /// Its timestamp, as long as nobody can see what it did.
    ticket: Mutex<Option<Ticket>>,
}

impl Doing {
    async fn run(&self, tx: &mut Tx) -> Result<Committed> {
        let inner = &self.operations.inner;
        let found = inner.catalog.find(self.operation)?;
        let Run::Mutation(mutation) = &found.run else { return Err(wrong_kind(found, "a mutation")) };
        let caller = self.operations.resolve(tx, &self.who).await?;
        permit(&caller, found)?;
        let slot = match &self.replay {
            None => None,
            Some(replay) => match replay::claim(tx, replay, &caller, self.operation, &self.arguments).await? {
                Claim::New(slot) => Some(slot),
                Claim::Answered(_) if found.description.shown_once => return Err(shown_once()),
                Claim::Answered(answered) => {
                    let ts = u64::try_from(answered.ts).unwrap_or_default();
                    inner.timestamps.observe(ts);
                    return Ok(Committed { output: answered.output, ts });
                }
            },
        };
        let mut ctx = MutationCtx { db: tx, caller: &caller, world: &inner.world };
        let output = mutation.run(&mut ctx, self.arguments.clone()).await?;
        let ticket = inner.timestamps.begin(self.who.organization.as_ref());
        let ts = ticket.ts;
        self.hold(Some(ticket));
        self.record(tx, &caller, &output).await?;
        if let Some(slot) = slot {
            let kept = if found.description.shown_once { &Value::Null } else { &output };
            replay::remember(tx, slot, kept, i64::try_from(ts).unwrap_or(i64::MAX)).await?;
        }
        Ok(Committed { output, ts })
    }

    fn hold(&self, ticket: Option<Ticket>) {
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = ticket;
    }

    async fn record(&self, tx: &mut Tx, caller: &Caller, output: &Value) -> Result<()> {
        let inner = &self.operations.inner;
        let Some(audit) = &inner.audit else { return Ok(()) };
        let change = Change {
            caller,
            operation: self.operation,
            arguments: &self.arguments,
            output,
            origin: self.who.origin.as_deref(),
            at: inner.world.now(),
            world: &inner.world,
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
