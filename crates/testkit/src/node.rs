//! A node that can be killed: its tasks live in a runtime of their own, and die with it wherever they are.

use std::{future::Future, time::Duration};

use tokio::runtime::{Builder, Runtime};

/// A process in all but name. What runs in it ends at [`Node::kill`] as at `kill -9`: no destructor of the product
/// says goodbye to the database, no later line runs.
pub struct Node {
    runtime: Option<Runtime>,
}

impl Node {
    /// Starts one, which does nothing yet.
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { runtime: Some(runtime.expect("a runtime can be made")) }
    }

    /// Runs this in the node and waits for its answer, as for a call to it. What it spawns stays in the node.
    ///
    /// # Panics
    /// When it panics, or when the node was killed.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime().spawn(work).await.expect("the node ends what it was asked to do")
    }

    /// Starts this in the node, and does not wait.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(work);
    }

    /// Kills it; when this returns, nothing of it runs any more.
    pub async fn kill(mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let dying = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)));
        dying.await.expect("a node dies");
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("a node that was not killed has a runtime")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
