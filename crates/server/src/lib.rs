//! The surfaces: REST over the operations, webhooks in, health, metrics, crons for outside schedulers. It serves what it
//! is given and knows no feature and no vendor.

mod authenticate;
mod convex;
mod cron;
mod headers;
mod health;
mod limits;
mod listen;
mod openapi;
mod problem;
mod request;
mod rest;
mod typescript;
mod webhooks;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::Router;
use engine::{Intake, Live, Operations, World};
use kernel::{Result, Secret};
use provider::Registry;
use url::Url;

pub use authenticate::Authenticator;
pub use limits::{Rate, Rates};
pub use listen::serve;
pub use openapi::openapi;
pub use typescript::{File, typescript};

use limits::Limits;

/// Everything that the surfaces are made of.
#[derive(Clone)]
pub struct Server {
    /// The vendors and whether their webhooks can be received.
    pub registry: Arc<Registry>,
    /// Where verified events go.
    pub intake: Arc<dyn Intake>,
    /// What the installation says of itself.
    pub installation: Arc<dyn Installation>,
    /// What can be called; none where only webhooks are taken.
    pub api: Option<Api>,
    /// Time and chance.
    pub world: World,
    /// Limits and addresses.
    pub options: Arc<Options>,
}

/// Operations, and who may call them.
#[derive(Clone)]
pub struct Api {
    /// The operations.
    pub operations: Operations,
    /// Their answers, kept up to date for those who watch them.
    pub live: Live,
    /// Tells who somebody is by what they show.
    pub authenticator: Arc<dyn Authenticator>,
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
    /// Bytes in the body of a call to an operation.
    pub json_limit: usize,
    /// Origins whose pages may call from a browser, such as `https://app.example.com`; `*` is every origin.
    pub cors_origins: Vec<String>,
    /// Origins that our own pages may load from and talk to, besides ours.
    pub page_sources: Vec<String>,
    /// How often may be called.
    pub rates: Rates,
    /// How often live connections are looked after: who says nothing for 24 times as long is gone.
    pub live_tick: Duration,
    /// How many proxies stand in front of us and add to `X-Forwarded-For`. With none, that header says nothing.
    pub proxies: usize,
}

impl Options {
    /// The defaults, at this address.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            body_limit: 1 << 20,
            body_timeout: Duration::from_secs(10),
            cron_secret: None,
            json_limit: 1 << 20,
            cors_origins: Vec::new(),
            page_sources: Vec::new(),
            rates: Rates::default(),
            live_tick: Duration::from_secs(5),
            proxies: 0,
        }
    }
}

impl Server {
    /// All routes.
    pub fn router(self) -> Router {
        // A call counts the same whichever way it comes.
        let limits = Arc::new(Limits::new(&self.options.rates, &self.world));
        Router::new()
            .merge(health::routes())
            .merge(cron::routes())
            .merge(webhooks::routes(&self.registry))
            .merge(rest::routes(&self, &limits))
            .merge(convex::routes(&self, &limits))
            .fallback(request::unknown_path)
            .layer(axum::middleware::from_fn_with_state(self.clone(), request::observe))
            .with_state(self)
    }
}
