//! `serve`: serves webhooks, operations, workers, health and metrics until the process is told to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use engine::{Depths, Inbox, InboxOptions, Live, Relevance, Runner, World, erasure::forget_closed};
use kernel::{Error, Result};
use metrics_exporter_prometheus::PrometheusBuilder;
use provider::Registry;
use server::{Api, Server};
use store::{Db, FileLock};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{authenticator::Authenticator, boot, environment::Environment, installation::Installation};

/// How long the start waits for a database that is not available.
const DATABASE_PATIENCE: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(environment: &Environment) -> Result<()> {
    let started = Started::new(environment).await?;
    tracing::info!(
        address = %started.address,
        database = crate::installation::engine_name(started.db.engine()),
        "serving"
    );
    started.until_stopped(environment).await
}

/// A process that listens, with its database opened and migrated.
pub(crate) struct Started {
    pub(crate) db: Db,
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    pub(crate) registry: Arc<Registry>,
    listener: TcpListener,
    _lock: FileLock,
}

impl Started {
    /// Reads the vendors' settings, opens the database, and listens.
    pub(crate) async fn new(environment: &Environment) -> Result<Self> {
        let registry = Arc::new(Registry::load(vendors::all(), &environment.variables)?);
        let world = World::system();
        let lock = FileLock::take(&boot::options(environment))?;
        let db = database(environment, &world, &lock).await?;
        boot::plans(environment, &db).await?;
        let listen = &environment.settings.trunkline_listen;
        let unusable = |error: std::io::Error| {
            let message = format!("cannot listen on {listen}: choose another address with --listen");
            Error::config("listen", message).source(error)
        };
        let listener = TcpListener::bind(listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        Ok(Self { db, world, address, registry, listener, _lock: lock })
    }

    /// Serves until SIGTERM or SIGINT, then finishes what is running.
    pub(crate) async fn until_stopped(self, environment: &Environment) -> Result<()> {
        let Self { db, world, address: _, registry, listener, _lock } = self;
        let prometheus = PrometheusBuilder::new().install_recorder();
        let prometheus =
            prometheus.map_err(|error| Error::internal("metrics", "metrics started twice").source(error))?;
        begin_at_zero();
        let upkeep = tokio::spawn(upkeep(prometheus.clone()));
        let operations = environment.product.open(&db, &world).await?;
        let mut handlers = boot::handlers(environment)?;
        handlers.calling(&operations);
        let workers = boot::workers(environment, db.engine())?;
        let runner = Runner::new(db.clone(), world.clone(), handlers.clone(), workers)?;
        let newest = runner.clone();
        let relevance = Relevance::new(handlers).only_if(move |provider| newest.is_newest(provider));
        let inbox = InboxOptions { buffer: environment.settings.trunkline_inbox_buffer, ..InboxOptions::default() };
        let forgetting = tokio::spawn(forget_closed(db.clone(), vec![Arc::new(runner.clone())]));
        let authenticator = Arc::new(Authenticator {
            db: db.clone(),
            world: world.clone(),
            issuers: environment.settings.issuers(registry.issuers(), &world)?,
        });
        let server = Server {
            registry,
            intake: Arc::new(Inbox::start(&db, &world, inbox).ending(relevance)),
            installation: Arc::new(Installation {
                db: db.clone(),
                world: world.clone(),
                runner: runner.clone(),
                depths: Depths::new(&db),
                prometheus,
                gauges: std::sync::Mutex::default(),
            }),
            api: Some(Api { live: Live::start(&operations, environment.settings.live()?), operations, authenticator }),
            world: world.clone(),
            options: Arc::new(environment.settings.surfaces()?),
        };
        let (stop, stopped) = watch::channel(false);
        let workers = tokio::spawn({
            let (runner, stopped) = (runner.clone(), stopped.clone());
            async move { runner.run(stopped).await }
        });
        let surfaces = server::serve(listener, server.router(), stopped);
        let signals = async {
            told_to_stop().await?;
            tracing::info!("stopping: finishing what was begun");
            stop.send_replace(true);
            Ok(())
        };
        let ((), told) = tokio::join!(surfaces, signals);
        // Events that were accepted last are in the inbox, for the next start or another node.
        workers.await.map_err(|error| Error::internal("workers", "the workers ended badly").source(error))?;
        forgetting.abort();
        upkeep.abort();
        db.close().await;
        tracing::info!("stopped");
        told
    }
}

/// Opens the database; a database server that starts at the same time may need a moment.
async fn database(environment: &Environment, world: &World, lock: &FileLock) -> Result<Db> {
    let end = tokio::time::Instant::now() + DATABASE_PATIENCE;
    loop {
        match boot::migrated(environment, world, lock).await {
            Ok((db, applied)) => {
                for step in applied {
                    tracing::info!(step, "migrated");
                }
                return Ok(db);
            }
            Err(error) if error.code == kernel::Code::Unavailable && tokio::time::Instant::now() < end => {
                tracing::warn!(?error, "waiting for the database");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Creates the counters of failures with the value zero: an alert on their rise would not see a series that begins with
/// its first failure.
fn begin_at_zero() {
    for name in [
        "trunkline_inbox_overloaded_total",
        "trunkline_transaction_conflicts_total",
        "trunkline_reaped_entries_total",
        "trunkline_node_fenced_total",
        "trunkline_sqlite_log_emptied_total",
        "trunkline_claims_total",
    ] {
        metrics::counter!(name).increment(0);
    }
}

/// Regularly discards the values of histograms that were not scraped.
async fn upkeep(prometheus: metrics_exporter_prometheus::PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        prometheus.run_upkeep();
    }
}

async fn told_to_stop() -> Result<()> {
    let deaf = |error: std::io::Error| Error::internal("signals", "signals cannot be heard").source(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(deaf)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
