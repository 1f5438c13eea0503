//! Where a test stops a process: at any statement, before a commit, after it.

use std::{fmt, sync::Arc};

use crate::BoxFuture;

/// What is about to happen, or has just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A statement is about to run.
    Statement,
    /// Everything was done and nothing is committed.
    Commit,
    /// It is committed, and nobody knows yet.
    Committed,
}

/// Called at every step of every transaction; what it returns is waited for. Nobody is called unless a test asks.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<dyn Fn(Step) -> BoxFuture<'static, ()> + Send + Sync>>);

impl Steps {
    /// Calls `watch` at every step.
    pub fn new(watch: impl Fn(Step) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    pub(crate) async fn reach(&self, step: Step) {
        if let Some(watch) = &self.0 {
            watch(step).await;
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "watched" } else { "unwatched" })
    }
}
