//! Failpoints: where a test stops a process, at any statement, before a commit, after it.

use std::{fmt, sync::Arc};

use crate::BoxFuture;

/// A point on the way of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// A statement is about to run.
    Statement,
    /// All statements have run and nothing is committed.
    Commit,
    /// It is committed, and no caller has been answered yet.
    Committed,
}

/// Called at every failpoint of every transaction; the future that it returns is waited for. By default nothing is called.
#[derive(Clone, Default)]
pub struct Failpoints(Option<Arc<dyn Fn(Failpoint) -> BoxFuture<'static, ()> + Send + Sync>>);

impl Failpoints {
    /// Calls `hook` at every failpoint.
    pub fn new(hook: impl Fn(Failpoint) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(crate) async fn reach(&self, point: Failpoint) {
        if let Some(hook) = &self.0 {
            hook(point).await;
        }
    }
}

impl fmt::Debug for Failpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "hooked" } else { "none" })
    }
}
