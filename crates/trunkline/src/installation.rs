//! Health, metrics and crons of the installation, for the surfaces.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use engine::{Depth, Depths, Runner, World};
use kernel::{Error, Result, Time};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use store::{Db, Engine};

/// The parts that the answers come from.
pub(crate) struct Installation {
    pub(crate) db: Db,
    pub(crate) world: World,
    pub(crate) runner: Runner,
    pub(crate) depths: Depths,
    pub(crate) prometheus: PrometheusHandle,
    /// The gauges that were shown before: an empty queue is shown as zero, and not with its last depth.
    pub(crate) gauges: Mutex<HashSet<Gauge>>,
}

/// The kind and the state that a gauge counts.
type Gauge = (String, &'static str);

/// How long the database may take to answer before the node counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the workers may stand still before the node counts as not ready.
const STANDSTILL: Duration = Duration::from_secs(60);

#[async_trait]
impl server::Installation for Installation {
    async fn ready(&self) -> Result<Value> {
        self.db.ping(PATIENCE).await?;
        let still = self.runner.still_for();
        if still > STANDSTILL {
            let message = format!("the workers have not moved for {} seconds: restart this node", still.as_secs());
            return Err(Error::unavailable("workers_stalled", message));
        }
        let now = self.world.now();
        let depths = self.depths.latest().await?;
        let pending: i64 = depths.iter().map(|depth| depth.count).sum();
        let oldest = depths.iter().map(|depth| depth.first).min();
        Ok(json!({
            "status": "ready",
            "database": engine_name(self.db.engine()),
            "queue": { "pending": pending, "oldestMs": oldest.map_or(0, |first| age_ms(now, first)) },
        }))
    }

    async fn metrics(&self) -> String {
        // All nodes share the queue, so that its depth is read when the metrics are, from a cache, and not counted by each
        // node.
        if let Ok(depths) = self.depths.get().await {
            self.show(depths);
        }
        self.prometheus.render()
    }

    async fn fire(&self, cron: &str) -> Result<()> {
        self.runner.fire(cron).await
    }
}

impl Installation {
    fn show(&self, depths: Vec<Depth>) {
        let now = self.world.now();
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        let mut empty = gauges.clone();
        for depth in depths {
            let gauge = (depth.kind, depth.state.as_str());
            empty.remove(&gauge);
            set(&gauge, depth.count, age_ms(now, depth.first));
            gauges.insert(gauge);
        }
        for gauge in empty {
            set(&gauge, 0, 0);
        }
    }
}

fn set((kind, state): &Gauge, count: i64, age_ms: i64) {
    let labels = [("kind", kind.clone()), ("state", (*state).to_owned())];
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and 2^53 jobs are enough")]
    let (count, age) = (count as f64, age_ms as f64 / 1000.0);
    metrics::gauge!("trunkline_queue_depth", &labels).set(count);
    metrics::gauge!("trunkline_queue_age_seconds", &labels).set(age);
}

fn age_ms(now: Time, then: Time) -> i64 {
    now.ms().saturating_sub(then.ms()).max(0)
}

/// Returns the name of the database engine, for people.
pub(crate) fn engine_name(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    }
}
