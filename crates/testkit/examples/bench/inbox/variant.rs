//! One variant, served as a child process.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Accepted, Delivery, EventId, Inbox, InboxOptions, Intake, World};
use kernel::{Error, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use provider::{Registry, settings::Variables};
use server::Server;
use store::Db;
use tokio::{net::TcpListener, sync::watch};

use super::events::SECRETS;

/// What to serve.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    pub(crate) variant: Variant,
    #[arg(long)]
    pub(crate) database_url: Option<String>,
}

/// What stands behind the signature check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Variant {
    Ceiling,
    Naive,
    Ours,
}

/// Transactions at the same time in the naive variant on PostgreSQL: as many as the pool has connections.
const NAIVE_WRITERS: usize = 16;

/// Serves until standard input ends.
pub(crate) async fn serve(options: Options) -> anyhow::Result<()> {
    let world = World::system();
    let variables: Variables = SECRETS.into_iter().collect();
    let prometheus = PrometheusBuilder::new().install_recorder()?;
    let server = Server {
        registry: Arc::new(Registry::load(vendors::all(), &variables)?),
        intake: intake(&options, &world).await?,
        installation: Arc::new(Numbers(prometheus)),
        api: None,
        world,
        options: Arc::new(server::Options::new("http://127.0.0.1/".parse()?)),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (_stop, stopped) = watch::channel(false);
    tokio::select! {
        () = server::serve(listener, server.router(), stopped) => {}
        _ = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())) => {}
    }
    // A thread that still reads standard input would keep the runtime from ending.
    std::process::exit(0)
}

async fn intake(options: &Options, world: &World) -> anyhow::Result<Arc<dyn Intake>> {
    let batching = match options.variant {
        Variant::Ceiling => return Ok(Arc::new(Nothing)),
        Variant::Naive => InboxOptions { batch: 1, writers: NAIVE_WRITERS, ..InboxOptions::default() },
        Variant::Ours => InboxOptions::default(),
    };
    let url = options.database_url.clone().ok_or_else(|| anyhow::anyhow!("--database-url is needed"))?;
    let db = Db::open(&store::Options::new(url)).await?;
    store::migrate(&db, &[engine::MIGRATIONS], world.now()).await?;
    Ok(Arc::new(Inbox::start(&db, world, batching)))
}

/// Keeps nothing.
struct Nothing;

#[async_trait]
impl Intake for Nothing {
    async fn accept(&self, delivery: Delivery) -> Result<Vec<Accepted>> {
        Ok(delivery.events.iter().map(|_| Accepted { id: EventId::new(1), fresh: true }).collect())
    }
}

struct Numbers(PrometheusHandle);

#[async_trait]
impl server::Installation for Numbers {
    async fn ready(&self) -> Result<serde_json::Value> {
        Ok(serde_json::json!({ "status": "ready" }))
    }

    async fn metrics(&self) -> String {
        self.0.render()
    }

    async fn fire(&self, _cron: &str) -> Result<()> {
        Err(Error::unsupported("crons"))
    }
}
