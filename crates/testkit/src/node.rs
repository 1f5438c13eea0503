//! A node that can be killed: its tasks run in a runtime of their own, and end with it wherever they are.

use std::{future::Future, time::Duration};

use tokio::runtime::{Builder, Runtime};

/// A process in all but name. What runs in it ends at [`Node::kill`] as at `kill -9`: no destructor of the product
/// says goodbye to the database, no later line runs.
pub struct Node {
    runtime: Option<Runtime>,
}

impl Node {
    /// Starts a node without any task.
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { runtime: Some(runtime.expect("a runtime can be made")) }
    }

    /// Runs `work` in the node and waits for its answer. Tasks that it spawns stay in the node.
    ///
    /// # Panics
    /// When `work` panics, or when the node was killed.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime().spawn(work).await.expect("the node ends what it was asked to do")
    }

    /// Starts `work` in the node, and does not wait for it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(work);
    }

    /// Kills the node; when this returns, nothing of it runs any more.
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
