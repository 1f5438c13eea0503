//! From settings to a running process: the same steps for every command.

use std::{fs::File, path::PathBuf, sync::Arc};

use engine::{Handlers, RunnerOptions, Timestamps, World};
use kernel::{Error, Result};
use provider::email::Sender;
use store::{Db, Engine, Options};

use crate::environment::Environment;

/// How the settings say that the database is opened.
pub(crate) fn options(environment: &Environment) -> Options {
    let settings = &environment.settings;
    Options {
        direct_url: settings.database_direct_url.as_ref().map(|url| url.expose().to_owned()),
        max_connections: settings.trunkline_database_connections,
        ..Options::new(environment.database_url())
    }
}

/// How the settings say that this node works.
pub(crate) fn workers(environment: &Environment, engine: Engine) -> Result<RunnerOptions> {
    let settings = &environment.settings;
    let host = rustix::system::uname();
    let mut options = RunnerOptions {
        name: format!("{}, process {}", host.nodename().to_string_lossy(), std::process::id()),
        release: env!("CARGO_PKG_VERSION"),
        lease: settings.lease()?,
        ..RunnerOptions::new(engine)
    };
    match (settings.trunkline_workers, engine) {
        (Some(workers), _) => options.concurrency = count(workers),
        // Each handler has a connection; the rest are for those who call.
        (None, Engine::Postgres) => options.concurrency = count(settings.trunkline_database_connections * 3 / 4),
        (None, Engine::Sqlite) => {}
    }
    Ok(options)
}

fn count(number: u32) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// Opens the database and brings it up to date; tells what was applied.
pub(crate) async fn migrated(environment: &Environment, world: &World) -> Result<(Db, Vec<String>)> {
    let db = Db::open(&options(environment)).await?;
    let applied = store::migrate(&db, environment.product.all_tables(), world.now()).await?;
    // What a command in a terminal writes is seen in the live queries of the nodes too.
    engine::record_changes(&db, &Timestamps::new(world.clone()));
    Ok((db, applied))
}

/// Makes the configured plans those of this installation.
pub(crate) async fn plans(environment: &Environment, db: &Db) -> Result<()> {
    let plans = environment.settings.plans.as_deref().map(app::billing::Plan::parse_all).transpose()?;
    app::billing::configure(db, plans.unwrap_or_default()).await
}

/// Who handles what.
pub(crate) fn handlers(environment: &Environment) -> Result<Handlers> {
    let mut handlers = Handlers::new();
    let keep = environment.settings.retention()?;
    app::register(&mut handlers, vendors::messaging::readers(), vendors::payments::readers(), keep)?;
    handlers.lend::<Sender>(Arc::new(vendors::email::Console));
    crate::commands::retention::register(&mut handlers, keep)?;
    environment.product.register(&mut handlers)?;
    Ok(handlers)
}

/// Keeps other processes from serving the same SQLite file. Held until the process ends, however it ends.
pub(crate) struct Exclusive(#[expect(dead_code, reason = "the lock is held by being there")] Option<File>);

/// Takes the right to serve; PostgreSQL is served by many.
pub(crate) fn exclusive(environment: &Environment) -> Result<Exclusive> {
    let url = environment.database_url();
    let Some(file) = url.strip_prefix("sqlite:") else { return Ok(Exclusive(None)) };
    let lock = PathBuf::from(format!("{}.lock", file.split('?').next().unwrap_or(file)));
    let unlockable = |error: std::io::Error| {
        Error::config("lock_file", format!("the lock file {} cannot be made", lock.display())).source(error)
    };
    let held = File::options().create(true).append(true).open(&lock).map_err(unlockable)?;
    match held.try_lock() {
        Ok(()) => Ok(Exclusive(Some(held))),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::conflict(
            "already_served",
            "another process serves this SQLite database: stop it, or use PostgreSQL for several nodes",
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(unlockable(error)),
    }
}
