//! `restore`: fills an empty place from a backup. A place that is being filled says so until it is whole, and can be filled again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use engine::World;
use kernel::{Error, Result};
use serde_json::json;
use store::{Db, Engine, FileLock, Restoring};

use super::{
    archive::{self, Manifest, unwritable},
    beside, remove, sync_folder, tools,
};
use crate::{boot, environment::Environment, installation::engine_name, output, progress::Progress};

/// Where a dump is kept, in the data folder, while PostgreSQL reads it.
const DUMP: &str = "restore.partial-database";

/// Verifies the backup, then restores it.
pub(in crate::commands) async fn run(file: &Path, environment: &Environment, json: bool) -> Result<()> {
    let file = file.to_owned();
    let verifying = file.clone();
    let manifest = blocking(move || archive::verify(&verifying)).await?;
    let options = boot::options(environment);
    let engine = options.engine()?;
    if manifest.engine != engine_name(engine) {
        let message = format!(
            "the backup is of {}, and DATABASE_URL names {}: restore it where it came from",
            manifest.engine,
            engine_name(engine)
        );
        return Err(Error::bad_request("backup_engine", message));
    }
    match engine {
        Engine::Sqlite => into_file(&file, &manifest, environment).await?,
        Engine::Postgres => into_server(&file, &manifest, environment).await?,
    }
    // Grants are not in a dump, and the backup may be of an older version.
    let (db, _) = boot::opened(environment, &World::system()).await?;
    db.close().await;
    output::say(if json {
        json!({ "restored": file, "madeAt": manifest.made_at, "version": manifest.trunkline }).to_string()
    } else {
        format!("restored what was backed up at {} by version {}", manifest.made_at, manifest.trunkline)
    });
    Ok(())
}

async fn into_file(file: &Path, manifest: &Manifest, environment: &Environment) -> Result<()> {
    let options = boot::options(environment);
    let _lock = FileLock::take(&options)?;
    let restoring = Restoring::of_file(&options)?;
    if !restoring.is_begun() {
        let taken = restoring.target().exists().then(|| restoring.target().to_owned());
        refuse_taken(taken.or_else(|| taken_file(manifest, &environment.data())))?;
    }
    restoring.begin()?;
    let (source, manifest, data) = (file.to_owned(), manifest.clone(), environment.data());
    blocking(move || {
        let (target, partial) = (restoring.target().to_owned(), beside(restoring.target(), ".restored"));
        archive::extract(&source, &manifest, &partial, &data)?;
        for left in [beside(&target, "-wal"), beside(&target, "-shm")] {
            remove(&left).map_err(|error| unwritable(&left, error))?;
        }
        let whole = fs::rename(&partial, &target).and_then(|()| sync_folder(&target));
        whole.map_err(|error| unwritable(&target, error))?;
        restoring.end()
    })
    .await
}

async fn into_server(file: &Path, manifest: &Manifest, environment: &Environment) -> Result<()> {
    let db = Db::open(&boot::options(environment)).await?;
    let restored = fill_server(&db, file, manifest, environment).await;
    db.close().await;
    restored
}

async fn fill_server(db: &Db, file: &Path, manifest: &Manifest, environment: &Environment) -> Result<()> {
    let data = environment.data();
    let (backup, state) = (manifest.checksum()?, db.restore_state().await?);
    match state {
        store::RestoreState::Empty => refuse_taken(taken_file(manifest, &data))?,
        store::RestoreState::Taken => {
            return Err(Error::conflict("place_taken", "the database has tables already: restore into an empty one"));
        }
        // The dump is read in one transaction: where its tables are, all of it is.
        store::RestoreState::Filled { from } if from == backup => return db.end_restore().await,
        store::RestoreState::Filled { .. } => {
            return Err(Error::conflict(
                "place_taken",
                "a restore of another backup was interrupted at its end here: finish that one, or use an empty database",
            ));
        }
        store::RestoreState::Begun => {}
    }
    db.begin_restore(&backup).await?;
    let dump = data.join(DUMP);
    let (source, manifest, target) = (file.to_owned(), manifest.clone(), dump.clone());
    blocking(move || archive::extract(&source, &manifest, &target, &data)).await?;
    let restoring = Progress::unknown("restoring the database");
    tools::restore(&boot::direct_url(environment), &dump).await?;
    drop(restoring);
    remove(&dump).map_err(|error| unwritable(&dump, error))?;
    db.end_restore().await
}

/// The first file of the backup whose place is taken.
fn taken_file(manifest: &Manifest, data: &Path) -> Option<PathBuf> {
    manifest.files().map(|file| data.join(file)).find(|file| file.exists())
}

fn refuse_taken(taken: Option<PathBuf>) -> Result<()> {
    let Some(taken) = taken else { return Ok(()) };
    let message =
        format!("{} is there already: restore into an empty place, with --data or DATABASE_URL", taken.display());
    Err(Error::conflict("place_taken", message))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::internal("restore", "the restore ended badly").source(error)))
}
