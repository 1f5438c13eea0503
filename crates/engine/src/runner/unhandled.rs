//! During a release nodes differ: what no living node can run is set aside, and comes back when a node starts that can.

use std::sync::PoisonError;

use super::Node;
use crate::queue::promote;

impl Node {
    /// Takes back what this node can run of what was set aside, and sets aside what no living node can run. At the start,
    /// and with every sign of life.
    pub(super) async fn sort_unhandled(&self) {
        let (known, world) = (self.known.clone(), self.world.clone());
        self.while_some(move |tx| {
            let (known, now) = (known.clone(), world.now());
            Box::pin(async move {
                let back = promote::take_back(tx, &known, now).await?;
                if back > 0 {
                    tracing::info!(entries = back, "took up what no node could run before");
                    tx.wake();
                }
                Ok(back)
            })
        })
        .await;
        let living = self.living.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.while_some(move |tx| {
            let living = living.clone();
            Box::pin(async move {
                let aside = promote::set_aside(tx, &living).await?;
                if aside > 0 {
                    tracing::warn!(entries = aside, "no node that runs has a handler for these: they wait for one");
                }
                Ok(aside)
            })
        })
        .await;
    }

    /// Repeats a write in small steps until it changes nothing more.
    async fn while_some<F>(&self, write: F)
    where
        F: Fn(&mut store::Tx) -> store::BoxFuture<'_, kernel::Result<u64>> + Send + Sync + Clone + 'static,
    {
        loop {
            match self.queue_write(write.clone()).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(?error, "what no node can run was not sorted out");
                    return;
                }
            }
        }
    }
}
