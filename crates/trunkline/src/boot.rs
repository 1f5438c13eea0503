//! From settings to a running process: the same steps for every command.

use std::{sync::Arc, time::Duration};

use engine::{Handlers, RunnerOptions, Timestamps, World};
use kernel::{Error, Result};
use provider::email::Sender;
use store::{Access, Db, Engine, FileLock, Options};

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

/// The address of the database itself, past a pooler.
pub(crate) fn direct_url(environment: &Environment) -> String {
    let direct = environment.settings.database_direct_url.as_ref();
    direct.map_or_else(|| environment.database_url(), |url| url.expose().to_owned())
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

/// Opens the database for a command that only reads: no file is made, and no table is changed.
pub(crate) async fn opened_to_read(environment: &Environment) -> Result<Db> {
    let db = Db::open(&Options { access: Access::Read, ..options(environment) }).await?;
    let missing = store::check(&db, environment.product.all_tables()).await;
    match missing {
        Ok(missing) if missing.is_empty() => Ok(db),
        Ok(missing) => {
            db.close().await;
            let message = format!(
                "the database lacks what this version needs, from {} on: run `trunkline migrate`, or the version that serves it",
                missing.first().map_or("", String::as_str)
            );
            Err(Error::config("database_behind", message))
        }
        Err(error) => Err(error),
    }
}

/// Opens the database for a command that writes, beside a server that may be running, and brings it up to date where that is needed and
/// nobody serves it; tells what was applied.
pub(crate) async fn opened(environment: &Environment, world: &World) -> Result<(Db, Vec<String>)> {
    let options = options(environment);
    let db = Db::open(&options).await?;
    let missing = store::check(&db, environment.product.all_tables()).await?;
    if missing.is_empty() && db.engine() == Engine::Sqlite {
        record_changes(&db, world);
        return Ok((db, missing));
    }
    let _lock = lock_to_migrate(&options).await?;
    let applied = migrate(&db, environment, world).await?;
    Ok((db, applied))
}

/// Opens the database for the process that serves it and holds the lock, and brings it up to date; tells what was applied.
pub(crate) async fn migrated(environment: &Environment, world: &World, _lock: &FileLock) -> Result<(Db, Vec<String>)> {
    let db = Db::open(&options(environment)).await?;
    let applied = migrate(&db, environment, world).await?;
    Ok((db, applied))
}

async fn migrate(db: &Db, environment: &Environment, world: &World) -> Result<Vec<String>> {
    let applied = store::migrate(db, environment.product.all_tables(), world.now()).await?;
    record_changes(db, world);
    // What is made up once is made up now, so that commands that only read find it.
    environment.product.keys(db, world).await?;
    Ok(applied)
}

/// What a command in a terminal writes is seen in the live queries of the nodes too.
fn record_changes(db: &Db, world: &World) {
    engine::record_changes(db, &Timestamps::new(world.clone()));
}

/// How often, and with which pauses, a command asks for the lock: another command may be bringing the database up to date.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

async fn lock_to_migrate(options: &Options) -> Result<FileLock> {
    for _ in 0..LOCK_TRIES {
        match FileLock::take(options) {
            Err(error) if error.tag == "already_served" => tokio::time::sleep(LOCK_PAUSE).await,
            lock => return lock,
        }
    }
    Err(Error::conflict(
        "older_version_serves",
        "this version has to change the tables, and another process serves this SQLite database: stop it first",
    ))
}

/// Makes the configured plans those of this installation.
pub(crate) async fn plans(environment: &Environment, db: &Db) -> Result<()> {
    let plans = environment.settings.plans.as_deref().map(app::billing::Plan::parse_all).transpose()?;
    app::billing::configure(db, plans.unwrap_or_default()).await
}

/// Who handles what.
pub(crate) fn handlers(environment: &Environment) -> Result<Handlers> {
    let mut handlers = Handlers::new();
    app::register(&mut handlers, vendors::messaging::readers(), vendors::payments::readers());
    handlers.lend::<Sender>(Arc::new(vendors::email::Console));
    environment.product.register(&mut handlers)?;
    let kept = environment.settings.retention()?;
    engine::register_retention(&mut handlers, |setting| kept.get(setting).copied())?;
    Ok(handlers)
}
