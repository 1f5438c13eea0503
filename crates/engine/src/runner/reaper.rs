//! What goes on beside the work: taking over from nodes that are gone, and the crons.

use std::sync::Arc;

use kernel::{Result, Scope};
use store::{Engine, Isolation};
use tokio::time::{MissedTickBehavior, interval};

use super::Node;
use crate::nodes::{self, NodeNumber};

/// Looks for lapsed leases in the time of a lease.
const LOOKS: u32 = 5;

impl Node {
    /// Takes over from nodes that are gone, and moves the crons, until it is aborted.
    pub(super) async fn upkeep(self: Arc<Self>) {
        let mut tick = interval(self.options.lease / LOOKS);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if self.db.engine() == Engine::Postgres {
                let age = self.lease.age().unwrap_or(self.options.lease);
                metrics::gauge!("trunkline_node_lease_age_seconds").set(age.as_secs_f64());
                if let Some(node) = self.lease.reaper()
                    && let Err(error) = self.reap(node).await
                {
                    tracing::warn!(?error, "leases were not checked");
                }
            }
            if self.lease.node().is_some() {
                self.sort_unhandled().await;
            }
            self.scheduler.tick(&self.db, &self.world).await;
        }
    }

    /// Takes over from the nodes whose leases have lapsed, as this node; tells how many entries they held.
    pub(super) async fn reap(&self, node: NodeNumber) -> Result<u64> {
        let now = self.world.now();
        let reap = store::work(move |tx| {
            Box::pin(async move {
                let taken = nodes::reap(tx, node, now).await?;
                if taken > 0 {
                    tx.wake();
                }
                Ok(taken)
            })
        });
        let taken = self.db.write_at(Isolation::ReadCommitted, &Scope::System, reap).await?;
        took_over(taken);
        Ok(taken)
    }
}

/// Tells of entries that were taken back.
pub(super) fn took_over(entries: u64) {
    metrics::counter!("trunkline_reaped_entries_total").increment(entries);
    if entries > 0 {
        tracing::warn!(entries, "took back what a node that is gone was running");
    }
}
