//! The HTTP surfaces: REST and the Convex protocol over the registered operations, incoming webhooks, health, metrics,
//! and crons for external schedulers. This crate knows no feature and no vendor.

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

/// The parts that the surfaces are made of.
#[derive(Clone)]
pub struct Server {
    /// The vendors, and whether their webhooks can be received.
    pub registry: Arc<Registry>,
    /// Stores verified events.
    pub intake: Arc<dyn Intake>,
    /// The health, the metrics and the crons of the installation.
    pub installation: Arc<dyn Installation>,
    /// The operations; none where only webhooks are received.
    pub api: Option<Api>,
    /// The clock and the source of randomness.
    pub world: World,
    /// Limits and addresses.
    pub options: Arc<Options>,
}

/// The operations, and the authentication of their callers.
#[derive(Clone)]
pub struct Api {
    /// The operations.
    pub operations: Operations,
    /// The live queries.
    pub live: Live,
    /// Resolves tokens and API keys to identities.
    pub authenticator: Arc<dyn Authenticator>,
}

/// The parts of the process that the surfaces ask.
#[async_trait]
pub trait Installation: Send + Sync + 'static {
    /// Returns facts to show, or an error when requests cannot be served now.
    async fn ready(&self) -> Result<serde_json::Value>;

    /// Returns all metrics in the text format of Prometheus.
    async fn metrics(&self) -> String;

    /// Runs the cron with this name now.
    async fn fire(&self, cron: &str) -> Result<()>;
}

/// Limits and addresses.
#[derive(Clone, Debug)]
pub struct Options {
    /// The public address of this installation, which some vendors sign.
    pub public_url: Url,
    /// The greatest number of bytes of a webhook's body, unless its vendor is known to send more.
    pub body_limit: usize,
    /// The time in which a body must arrive.
    pub body_timeout: Duration,
    /// The secret that an external scheduler sends; without it `/api/cron` is closed.
    pub cron_secret: Option<Secret>,
    /// The greatest number of bytes of the body of a call to an operation.
    pub json_limit: usize,
    /// The origins whose pages may call from a browser, such as `https://app.example.com`; `*` is every origin.
    pub cors_origins: Vec<String>,
    /// The origins that our own pages may load from and talk to, besides our own.
    pub page_sources: Vec<String>,
    /// The rate limits.
    pub rates: Rates,
    /// The interval at which live connections are checked: a connection that is silent for 24 intervals is closed.
    pub live_tick: Duration,
    /// The number of proxies in front of this server that append to `X-Forwarded-For`. With none, that header is
    /// ignored.
    pub proxies: usize,
}

impl Options {
    /// Returns the defaults, at this public address.
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
    /// Returns all routes.
    pub fn router(self) -> Router {
        // The surfaces share the counters, so that a call counts the same whichever way it comes.
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
