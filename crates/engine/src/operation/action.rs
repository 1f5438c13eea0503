//! What an action has at hand, and what it reaches the database through.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use kernel::{Error, Result, Time};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::BoxFuture;

use super::{Caller, Mutation, Query, QueryCtx, Replay, Who, arguments};
use crate::World;

/// What an action has at hand: queries and mutations, as the same caller.
pub struct ActionCtx {
    pub(super) calls: Arc<dyn Calls>,
    pub(super) who: Who,
    pub(super) caller: Caller,
}

/// Calls operations that are known by their types.
#[async_trait]
pub(super) trait Calls: Send + Sync {
    /// Time and chance.
    fn world(&self) -> &World;

    /// Runs a query on a snapshot.
    async fn read(&self, who: &Who, query: TypedQuery) -> Result<Box<dyn Any + Send>>;

    /// Runs a mutation in its transaction.
    async fn write(
        &self,
        who: &Who,
        operation: &'static str,
        arguments: Value,
        replay: Option<Replay>,
    ) -> Result<Value>;
}

/// A query with its arguments, without its type.
pub(super) struct TypedQuery {
    pub(super) name: &'static str,
    pub(super) access: kernel::Access,
    pub(super) is_personal: bool,
    pub(super) run: RunQuery,
}

type RunQuery = Box<dyn for<'c, 't> FnOnce(&'c mut QueryCtx<'t>) -> BoxFuture<'c, Result<Box<dyn Any + Send>>> + Send>;

impl ActionCtx {
    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        self.calls.world().now()
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        self.calls.world()
    }

    /// Asks a query, with the caller's rights.
    ///
    /// # Errors
    /// What the query returns.
    pub async fn query<Q: Query>(&self, query: Q) -> Result<Q::Output> {
        ask(&*self.calls, &self.who, query).await
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
        change(&*self.calls, &self.who, mutation, None).await
    }
}

/// Asks a query that is known by its type.
pub(super) async fn ask<Q: Query>(calls: &dyn Calls, who: &Who, query: Q) -> Result<Q::Output> {
    let run: RunQuery = Box::new(|ctx| {
        Box::pin(async move {
            let output: Box<dyn Any + Send> = Box::new(query.run(ctx).await?);
            Ok(output)
        })
    });
    let query = TypedQuery { name: Q::NAME, access: Q::ACCESS, is_personal: Q::PERSONAL, run };
    let output = calls.read(who, query).await?.downcast::<Q::Output>();
    output.map(|output| *output).map_err(|_| Error::internal("answer_type", "a query answered with another type"))
}

/// Does a mutation that is known by its type.
pub(super) async fn change<M>(calls: &dyn Calls, who: &Who, mutation: M, replay: Option<Replay>) -> Result<M::Output>
where
    M: Mutation + Serialize,
    M::Output: DeserializeOwned,
{
    let output = calls.write(who, M::NAME, arguments::answer(&mutation)?, replay).await?;
    serde_json::from_value(output)
        .map_err(|error| Error::internal("answer_unreadable", "an answer cannot be read back").source(error))
}
