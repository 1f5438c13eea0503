//! The surfaces: webhooks in, health, metrics, crons for outside schedulers. It serves what it is given and knows no
//! feature and no vendor.

mod cron;
mod health;
mod listen;
mod problem;
mod request;
mod webhooks;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::Router;
use engine::{Intake, World};
use kernel::{Result, Secret};
use provider::Registry;
use url::Url;

pub use listen::serve;

/// Everything that the surfaces are made of.
#[derive(Clone)]
pub struct Server {
    /// The vendors and whether their webhooks can be received.
    pub registry: Arc<Registry>,
    /// Where verified events go.
    pub intake: Arc<dyn Intake>,
    /// What the installation says of itself.
    pub installation: Arc<dyn Installation>,
    /// Time and chance.
    pub world: World,
    /// Limits and addresses.
    pub options: Arc<Options>,
}

/// What the surfaces ask the rest of the process.
#[async_trait]
pub trait Installation: Send + Sync + 'static {
    /// Whether requests can be served now, and facts to show.
    async fn ready(&self) -> Result<serde_json::Value>;

    /// All metrics in Prometheus' text format.
    async fn metrics(&self) -> String;

    /// Fires the cron of this name now.
    async fn fire(&self, cron: &str) -> Result<()>;
}

/// Limits and addresses.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the outside world reaches us: some vendors sign it.
    pub public_url: Url,
    /// Bytes in a webhook's body, unless its vendor is known to send more.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// What an outside scheduler shows; without it `/api/cron` is closed.
    pub cron_secret: Option<Secret>,
}

impl Server {
    /// All routes.
    pub fn router(self) -> Router {
        Router::new()
            .merge(health::routes())
            .merge(cron::routes())
            .merge(webhooks::routes(&self.registry))
            .fallback(request::unknown_path)
            .layer(axum::middleware::from_fn_with_state(self.clone(), request::observe))
            .with_state(self)
    }
}
