//! `backup`: everything that an installation holds in one file, made while it serves. `restore` is its counterpart.

mod archive;
mod restore;
mod tools;

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use engine::World;
use kernel::{Error, Result};
use serde_json::json;
use store::{Db, Engine};

use archive::{ArchiveWriter, Manifest, unwritable};
pub(super) use restore::run as restore;

use crate::{boot, environment::Environment, installation::engine_name, output, progress::Progress};

/// Writes the backup. Until all of it is on the disk it has another name, so that nothing that looks whole is not.
pub(super) async fn run(file: &Path, environment: &Environment, json: bool) -> Result<()> {
    if file.exists() {
        let message = format!("{} is there already: choose another name", file.display());
        return Err(Error::conflict("backup_exists", message));
    }
    let db = boot::opened_to_read(environment).await?;
    let (partial, copy) = (beside(file, ".partial"), beside(file, ".partial-database"));
    let written = write(&db, environment, file, &partial, &copy).await;
    db.close().await;
    for left in [&partial, &copy] {
        remove(left).map_err(|error| unwritable(left, error))?;
    }
    let manifest = written?;
    let bytes = manifest.bytes();
    output::say(if json {
        json!({ "file": file, "engine": manifest.engine, "bytes": bytes, "parts": manifest.parts.len() }).to_string()
    } else {
        let beside = match manifest.parts.len().saturating_sub(1) {
            0 => String::new(),
            1 => " and 1 file beside it".to_owned(),
            files => format!(" and {files} files beside it"),
        };
        format!("{} holds the database{beside}, {bytes} bytes", file.display())
    });
    Ok(())
}

async fn write(db: &Db, environment: &Environment, file: &Path, partial: &Path, copy: &Path) -> Result<Manifest> {
    for left in [partial, copy] {
        // What a backup left behind that was killed.
        remove(left).map_err(|error| unwritable(left, error))?;
        private_file(left).map_err(|error| unwritable(left, error))?;
    }
    let copying = Progress::unknown("copying the database");
    match db.engine() {
        Engine::Sqlite => db.copy_to(copy).await?,
        Engine::Postgres => {
            db.check_can_dump().await?;
            tools::dump(&boot::direct_url(environment), copy).await?;
        }
    }
    drop(copying);
    let files = files(environment, file)?;
    let sizes = files.iter().map(|(_, path)| path).chain([&copy.to_owned()]).map(|path| size(path)).sum();
    let manifest = Manifest::new(engine_name(db.engine()), World::system().now().to_string());
    let (partial, copy, target) = (partial.to_owned(), copy.to_owned(), file.to_owned());
    let written = tokio::task::spawn_blocking(move || {
        let progress = Progress::of("writing the backup", sizes);
        let mut archive = ArchiveWriter::new(File::options().write(true).open(&partial)?, manifest, &progress);
        archive.database(&copy)?;
        for (name, path) in &files {
            archive.file(name, path)?;
        }
        let manifest = archive.finish()?;
        fs::rename(&partial, &target)?;
        sync_folder(&target)?;
        Ok(manifest)
    });
    let written = written.await.map_err(|error| Error::internal("backup", "the backup ended badly").source(error))?;
    written.map_err(|error| unwritable(file, error))
}

/// The files of the data folder that belong to the installation: all but the database and what is beside it, the samples of `dev`, what
/// backups left that were killed, and the backup itself. Each with its path in the folder.
fn files(environment: &Environment, backup: &Path) -> Result<Vec<(String, PathBuf)>> {
    let data = environment.data();
    let mut found = Vec::new();
    if data.is_dir() {
        collect(&data, &data, &mut found).map_err(|error| unwritable(&data, error))?;
    }
    let own = boot::options(environment).sqlite_path()?;
    let backup = std::path::absolute(backup).map_err(|error| unwritable(backup, error))?;
    found.retain(|(name, path)| {
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        let begins = |with: &Path| path.to_string_lossy().starts_with(&*with.to_string_lossy());
        let is_left = name.contains(".partial");
        !is_left && !name.starts_with("samples/") && !own.as_deref().is_some_and(begins) && !begins(&backup)
    });
    found.sort();
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            collect(root, &path, found)?;
        } else if let (true, Some(name)) = (kind.is_file(), path.strip_prefix(root).ok().and_then(Path::to_str)) {
            found.push((name.to_owned(), path.clone()));
        } else {
            output::note(format_args!("{} is no ordinary file and is left out", path.display()));
        }
    }
    Ok(())
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |found| found.len())
}

/// The same name with this at its end.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// An empty file that its owner alone may read and write.
fn private_file(file: &Path) -> io::Result<File> {
    File::options().create(true).write(true).truncate(true).mode(0o600).open(file)
}

/// Removes a file that may be gone already.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Sees that a new name is on the disk.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
