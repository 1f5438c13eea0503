//! The heartbeat: registers this node, renews its lease on a connection of its own, and fences the node off when another
//! one has taken it for dead.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use kernel::{Result, Scope, Time};
use store::{Db, Engine, Isolation};
use tokio::time::{Instant, sleep, timeout};

use super::Node;
use crate::{
    nodes::{self, NodeNumber, NodeRow},
    queue::Known,
};

/// Heartbeats in the time of a lease.
const BEATS: u32 = 5;
/// How long the last statement of a node may take, with a database that may be down.
const LAST: Duration = Duration::from_secs(2);
/// Between two attempts to register on SQLite.
const AGAIN: Duration = Duration::from_secs(1);
/// A node whose clock differs from the database's by more is told so in the log.
const APART: Duration = Duration::from_secs(5);

impl Node {
    /// Keeps this node registered until it is aborted. On SQLite, which one process serves, it first takes over what the
    /// process before left behind, and has nothing to renew after that.
    pub(super) async fn heartbeat(self: Arc<Self>) {
        match self.db.engine() {
            Engine::Sqlite => {
                while let Err(error) = self.register_alone().await {
                    tracing::warn!(?error, "this process could not be registered");
                    sleep(AGAIN).await;
                }
            }
            Engine::Postgres => self.beat_on().await,
        }
    }

    /// Renews the lease again and again. Never waits for the pool: its connection is its own.
    pub(super) async fn beat_on(&self) {
        let (pause, limit) = (self.options.lease / BEATS, self.options.lease / 3);
        let mut db = self.db.connect_alone(limit);
        loop {
            let answered = match timeout(limit, self.beat(&db)).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    tracing::warn!(?error, "the lease of this node was not renewed");
                    false
                }
                Err(_) => {
                    tracing::warn!("the lease of this node was not renewed in time");
                    // Nobody knows in what state the connection is.
                    db = self.db.connect_alone(limit);
                    false
                }
            };
            if !answered {
                self.lease.unanswered();
            }
            sleep(if answered { pause } else { pause / 3 }).await;
        }
    }

    /// Renews the lease. A node that was taken for dead, and one that is new, registers.
    pub(super) async fn beat(&self, db: &Db) -> Result<()> {
        let requested = Instant::now();
        let renewed = match self.lease.registered() {
            Some(node) => self.renew(db, node).await?.map(|clock| (node, clock)),
            None => None,
        };
        let (node, clock) = match renewed {
            Some(renewed) => renewed,
            None => {
                self.fence_off();
                self.register(db).await?
            }
        };
        // Before anything is claimed on the lease.
        self.look_around(db, node).await?;
        match db.engine() {
            Engine::Sqlite => self.lease.alone(node),
            Engine::Postgres => self.lease.extended(node, requested, clock),
        }
        self.compare_clocks(clock);
        Ok(())
    }

    async fn renew(&self, db: &Db, node: NodeNumber) -> Result<Option<Time>> {
        let lease = self.options.lease;
        let renew = store::work(move |tx| Box::pin(nodes::renew(tx, node, lease)));
        db.write_at(Isolation::Statement, &Scope::System, renew).await
    }

    async fn register(&self, db: &Db) -> Result<(NodeNumber, Time)> {
        let (name, release, lease) = (self.options.name.clone(), self.options.release, self.options.lease);
        let known = self.known.clone();
        let register = store::work(move |tx| {
            let (name, known) = (name.clone(), known.clone());
            Box::pin(async move { nodes::register(tx, &name, release, &known, lease).await })
        });
        let (node, clock) = db.write_at(Isolation::Statement, &Scope::System, register).await?;
        tracing::info!(node, "registered as a node");
        Ok((node, clock))
    }

    async fn register_alone(&self) -> Result<()> {
        let now = self.world.now();
        let taken = self.db.write(&Scope::System, store::work(move |tx| Box::pin(nodes::take_over(tx, now)))).await?;
        super::reaper::took_over(taken);
        let (node, _) = self.register(&self.db).await?;
        self.look_around(&self.db, node).await?;
        self.lease.alone(node);
        // Its lease does not end, and there is no other clock: dashboards find the same metrics on both databases.
        metrics::gauge!("trunkline_node_lease_age_seconds").set(0.0);
        metrics::gauge!("trunkline_node_clock_offset_seconds").set(0.0);
        Ok(())
    }

    /// Forgets everything that was claimed under the number of before. What ran is cut off: others run it now. Of what it
    /// still writes nothing stays, because every end is written with its claim.
    fn fence_off(&self) {
        let Some(node) = self.lease.registered() else { return };
        tracing::error!(node, "this node was silent for longer than its lease: others have taken over what it held");
        metrics::counter!("trunkline_node_fenced_total").increment(1);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.lease.lost();
        self.forget_active();
    }

    /// Sees who else lives: how many hear each announcement, what they can run, and whose handlers are newer.
    async fn look_around(&self, db: &Db, node: NodeNumber) -> Result<()> {
        let living = db.write_at(Isolation::Statement, &Scope::System, store::work(|tx| Box::pin(nodes::living(tx))));
        let living: Vec<NodeRow> = living.await?;
        let alive = living.len().max(1);
        self.alive.store(alive, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and there are few nodes")]
        metrics::gauge!("trunkline_nodes_alive").set(alive as f64);
        self.db.announce_as(node, super::wake::gathering(alive, self.options.poll));
        let known = living.iter().fold(self.known.clone(), |known, other| known.and(&other.knows));
        *self.claimable.lock().unwrap_or_else(PoisonError::into_inner) = self.known.claimable(&known);
        *self.living.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// What this node may claim, as of the last heartbeat.
    pub(super) fn claimable(&self) -> Known {
        self.claimable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing depends on this node's clock as long as it lives; what it delays and when it says that things happened does.
    fn compare_clocks(&self, clock: Time) {
        let apart = Duration::from_millis(self.world.now().ms().abs_diff(clock.ms()));
        metrics::gauge!("trunkline_node_clock_offset_seconds").set(apart.as_secs_f64());
        if apart > APART && !self.clock_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(?apart, "the clock of this node differs from the database's: set it, for delays go by it");
        }
    }

    /// Ends the lease: what could not be given back is free at once.
    pub(super) async fn resign(&self) {
        let Some(node) = self.lease.registered() else { return };
        let resign = store::work(move |tx| Box::pin(nodes::resign(tx, node)));
        let resigned = timeout(LAST, self.db.write_at(Isolation::Statement, &Scope::System, resign)).await;
        if !matches!(resigned, Ok(Ok(()))) {
            tracing::warn!(node, "this node could not sign off: its lease will lapse");
        }
        self.lease.lost();
    }
}
