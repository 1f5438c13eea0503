//! What goes on beside the work: signs of life, taking over from nodes that are gone, crons, wake-ups of other nodes.

use std::{sync::Arc, time::Duration};

use kernel::{Scope, Time};
use store::Isolation;

use super::Inner;
use crate::{
    cron,
    queue::{CHANNEL, sql, suspects},
};

impl Inner {
    /// Extends this node's leases, takes back those of nodes that are gone, moves the crons: until it is aborted.
    pub(super) async fn sign_of_life(self: Arc<Self>) {
        let mut tick = tokio::time::interval(self.options.lease / 5);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let claims: Vec<i64> = self.claims().into_keys().collect();
            if !claims.is_empty() {
                self.extend(claims).await;
            }
            self.reap(self.world.now()).await;
            self.sort_unhandled().await;
            cron::tick(&self.db, &self.world, self.handlers.crons()).await;
        }
    }

    async fn extend(&self, claims: Vec<i64>) {
        let until = self.world.now() + self.options.lease;
        let write = store::work(move |tx| {
            let claims = claims.clone();
            Box::pin(async move { sql::extend(tx, &claims, until).await })
        });
        if let Err(error) = self.db.write_at(Isolation::ReadCommitted, &Scope::System, write).await {
            tracing::warn!(?error, "leases were not extended");
        }
    }

    /// Takes back what is running on a lease that ended before `lapsed`.
    pub(super) async fn reap(&self, lapsed: Time) {
        let now = self.world.now();
        let reap = store::work(move |tx| {
            Box::pin(async move {
                let taken = suspects::reap(tx, lapsed, now).await?;
                if taken > 0 {
                    tx.wake();
                }
                Ok(taken)
            })
        });
        match self.db.write_at(Isolation::ReadCommitted, &Scope::System, reap).await {
            Ok(0) => {}
            Ok(taken) => tracing::warn!(entries = taken, "took back what a process that is gone was running"),
            Err(error) => tracing::warn!(?error, "leases were not checked"),
        }
    }

    /// Passes on the wake-ups of other nodes.
    pub(super) async fn listen(self: Arc<Self>) {
        loop {
            let mut listener = self.db.listen(CHANNEL).await;
            if !listener.is_connected() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            // What was announced while nobody listened is found by looking.
            self.db.wake();
            while listener.heard().await {
                self.db.wake();
            }
        }
    }
}
