//! Operations: written once, served over REST, the live-query socket, the command line and whatever comes.
//!
//! The struct is the arguments, its doc comment is the description, the impl says name, access, route and body. What an
//! operation may do follows from the type of its context: the compiler holds the rules.

mod action;
mod arguments;
mod call;
mod caller;
mod canonical;
mod context;
mod page;
mod registry;
mod replay;
mod route;
mod schemas;

use async_trait::async_trait;
use kernel::{Access, Result};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

pub use action::ActionCtx;
pub use call::{Answer, Committed, Operations, QueryRequest, Snapshot};
pub use caller::{
    Audit, Caller, Change, Claims, Directory, Identity, JobCaller, KeyHolder, Member, Nobody, Reach, Who,
};
pub(crate) use canonical::canonical;
pub use context::{MutationCtx, QueryCtx};
pub use page::{Place, Placed, Range};
pub use registry::{Catalog, Description, Kind, Operation, Registry};
pub use replay::Replay;
pub(crate) use replay::forget;
pub use route::{Method, Route, delete, get, patch, post};
pub use schemas::never_null;

/// Reads one snapshot. It may run again at any time, to keep those who watch its answer up to date.
#[async_trait]
pub trait Query: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// `customers:list`
    const NAME: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// Where REST serves it.
    const ROUTE: Route;
    /// Whether the answer depends on who asks, beyond their organization and [`Reach`]. Answers that do not are computed once
    /// for everybody who watches them, and [`QueryCtx::caller`] fails in their queries.
    const PERSONAL: bool = false;
    /// The answer.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// Answers.
    ///
    /// # Errors
    /// What went wrong, for the caller.
    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Self::Output>;
}

/// Writes one serializable transaction. It runs again from the start when another transaction was in the way.
#[async_trait]
pub trait Mutation: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// `customers:create`
    const NAME: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// Where REST serves it.
    const ROUTE: Route;
    /// Whether the answer holds a secret that is shown once and kept nowhere. Who asks again for the same call is told that
    /// it was done, without the answer.
    const SHOWN_ONCE: bool = false;
    /// The answer.
    type Output: Serialize + JsonSchema + Send;

    /// Does it. With an error, nothing is written.
    ///
    /// # Errors
    /// What went wrong, for the caller.
    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Self::Output>;
}

/// Runs once, outside of a transaction: it may call vendors, and reaches the database through queries and mutations.
#[async_trait]
pub trait Action: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// `users:syncCurrent`
    const NAME: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// Where REST serves it.
    const ROUTE: Route;
    /// The answer.
    type Output: Serialize + JsonSchema + Send;

    /// Does it.
    ///
    /// # Errors
    /// What went wrong, for the caller.
    async fn run(self, ctx: &ActionCtx) -> Result<Self::Output>;
}
