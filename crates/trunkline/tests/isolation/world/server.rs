//! The server, built as in the binary, and a way to call past it.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::Router;
use engine::{Identity, Kind, Live, LiveOptions, Operations, SystemRandom, identity::Issuers};
use kernel::{Error, Result};
use provider::http::{Options as HttpOptions, Transport};
use serde_json::Value;
use server::{Api, Installation, Options, Rates, Server};
use testkit::{App, Tokens};
use tokio::{net::TcpListener, sync::watch};

use super::Somebody;

/// The server, and its address.
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) address: SocketAddr,
    pub(crate) authenticator: Arc<Authenticator>,
    /// Stops the server on drop.
    _stop: watch::Sender<bool>,
}

/// Accepts API keys, and tokens of one issuer.
pub(crate) struct Authenticator {
    app: App,
    issuers: Issuers,
}

#[async_trait]
impl server::Authenticator for Authenticator {
    async fn identity(&self, token: &str) -> Result<Identity> {
        if token.starts_with("sk_") {
            return app::api_keys::identify(&self.app.db, &self.app.world, token).await;
        }
        self.issuers.identity(token).await
    }
}

pub(super) fn authenticator(app: &App, tokens: &Tokens) -> Arc<Authenticator> {
    let issuers = provider::auth::issuers("AUTH_JWT_ISSUERS", &tokens.issuer_json()).expect("a list of issuers");
    let clock = Arc::new(app.clock.clone());
    let transport = Transport::new(HttpOptions::default(), clock, Arc::new(SystemRandom));
    let issuers = Issuers::new(issuers, &transport, &app.world).expect("keys in the setting itself");
    Arc::new(Authenticator { app: app.clone(), issuers })
}

/// Calls in process.
pub(super) async fn ask(
    operations: &Operations,
    authenticator: &Authenticator,
    who: &Somebody,
    operation: &str,
    arguments: &Value,
) -> Result<Value> {
    let identity = match &who.shows {
        Some(token) => server::Authenticator::identity(authenticator, token).await?,
        None => Identity::Anonymous,
    };
    let entered = operations.enter(identity, who.wants.as_deref(), None).await?;
    match operations.catalog().find(operation)?.description.kind {
        Kind::Query => operations.query(&entered, operation, arguments.clone()).await,
        Kind::Mutation => operations.mutation(&entered, operation, arguments, None).await.map(|done| done.output),
        Kind::Action => operations.action(&entered, operation, arguments).await,
    }
}

impl Served {
    pub(super) async fn start(app: &App, operations: &Operations, tokens: &Tokens) -> Self {
        let authenticator = authenticator(app, tokens);
        let mut options = Options::new("https://isolation.test/".parse().expect("an address"));
        options.rates = Rates { caller: None, organization: None, operation: None };
        let registry = provider::Registry::load([], &provider::settings::Variables::default());
        let server = Server {
            registry: Arc::new(registry.expect("no vendor lacks anything")),
            intake: Arc::new(app.inbox.clone()),
            installation: Arc::new(Quiet),
            api: Some(Api {
                live: Live::start(operations, LiveOptions::default()),
                operations: operations.clone(),
                authenticator: authenticator.clone(),
            }),
            world: app.world.clone(),
            options: Arc::new(options),
        };
        let router = server.router();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(listener, router.clone(), stopped));
        Self { router, address, authenticator, _stop: stop }
    }
}

struct Quiet;

#[async_trait]
impl Installation for Quiet {
    async fn ready(&self) -> Result<Value> {
        Ok(Value::Null)
    }

    async fn metrics(&self) -> String {
        String::new()
    }

    async fn fire(&self, _cron: &str) -> Result<()> {
        Err(Error::unsupported("crons"))
    }
}
