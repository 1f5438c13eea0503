//! From settings to a running process: the same steps for every command.

use std::{fs::File, path::PathBuf, sync::Arc};

use engine::{Handlers, Timestamps, World};
use kernel::{Error, Result};
use provider::email::Sender;
use store::{Db, Options};

use crate::environment::Environment;

/// Opens the database and brings it up to date; tells what was applied.
pub(crate) async fn migrated(environment: &Environment, world: &World) -> Result<(Db, Vec<String>)> {
    let db = Db::open(&Options::new(environment.database_url())).await?;
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
