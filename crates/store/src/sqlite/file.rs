//! The file of a SQLite database: the one name that every spelling leads to, who may read it, and who serves it.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use kernel::{Error, Result};

use crate::Options;

/// What the owner alone may read and write.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;
/// Links that are followed from one to the next.
const LINKS: usize = 40;
/// What SQLite and we put beside the file, under its name and these.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", ".lock"];

/// A database file. Two that are the same file are equal, however they were spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatabaseFile(PathBuf);

/// The right to serve a SQLite file, or to change its tables. It ends with the value, or with the process, however that ends.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "the lock is held by being there")] Option<File>);

impl FileLock {
    /// Takes the right to serve the database behind these options, before anything else is done with it. PostgreSQL is served by
    /// many: there it is always had.
    ///
    /// # Errors
    /// `Conflict` when another process has it, `Config` when there can be no such file.
    pub fn take(options: &Options) -> Result<Self> {
        let Some(file) = DatabaseFile::of(options)? else { return Ok(Self(None)) };
        file.make_folder()?;
        let lock = file.beside(".lock");
        let unlockable = |error: io::Error| {
            Error::config("lock_file", format!("the lock file {} cannot be made", lock.display())).source(error)
        };
        let held = File::options().create(true).append(true).mode(PRIVATE_FILE).open(&lock).map_err(unlockable)?;
        match held.try_lock() {
            Ok(()) => Ok(Self(Some(held))),
            Err(TryLockError::WouldBlock) => Err(Error::conflict(
                "already_served",
                "another process serves this SQLite database: stop it, or use PostgreSQL for several nodes",
            )),
            Err(TryLockError::Error(error)) => Err(unlockable(error)),
        }
    }
}

impl DatabaseFile {
    /// The file that these options name; none for PostgreSQL.
    ///
    /// # Errors
    /// `Config` when links lead in a circle, or when the file has a second name.
    pub(crate) fn of(options: &Options) -> Result<Option<Self>> {
        let Some(named) = options.sqlite_file()? else { return Ok(None) };
        let file = Self(resolve(&named).map_err(|error| unopenable(&named, error))?);
        // The write-ahead log goes by the name of the file: under two names it would have two logs, and lose what is in one.
        if fs::metadata(&file.0).is_ok_and(|found| found.is_file() && found.nlink() > 1) {
            let message = format!(
                "{} has a second name, a hard link, and SQLite would damage it: remove one of the two names",
                file.0.display()
            );
            return Err(Error::config("database_file_linked", message));
        }
        Ok(Some(file))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Beside it, with this at the end of its name.
    pub(crate) fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(end);
        name.into()
    }

    /// How large the write-ahead log is.
    pub(crate) fn log_bytes(&self) -> u64 {
        fs::metadata(self.beside("-wal")).map_or(0, |found| found.len())
    }

    /// Makes it where it is missing, and closes it and what is beside it to others.
    pub(crate) fn make(&self) -> Result<()> {
        self.make_folder()?;
        match File::options().create_new(true).write(true).mode(PRIVATE_FILE).open(&self.0) {
            Ok(_made) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unopenable(&self.0, error)),
        }
        close_to_others(&self.0);
        COMPANIONS.iter().for_each(|end| close_to_others(&self.beside(end)));
        Ok(())
    }

    /// That there is one, for those who do not make one.
    pub(crate) fn must_exist(&self) -> Result<()> {
        if self.0.is_file() {
            return Ok(());
        }
        let message = format!(
            "there is no database at {}: choose another with --data or DATABASE_URL; `trunkline serve` or `trunkline migrate` makes it",
            self.0.display()
        );
        Err(Error::not_found("no_database", message))
    }

    fn make_folder(&self) -> Result<()> {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.map_or(Ok(()), |folder| make_private_folder(folder).map_err(|error| unopenable(&self.0, error)))
    }
}

/// Makes a folder that its owner alone may enter, and those above it that are missing too. One that is there stays as it is.
///
/// # Errors
/// What the system says.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder)
}

/// Takes a file from everybody but its owner. Where that is not ours to do, it is logged and the file is used all the same.
fn close_to_others(file: &Path) {
    let Ok(found) = fs::metadata(file) else { return };
    if found.permissions().mode() & 0o077 == 0 {
        return;
    }
    if let Err(error) = fs::set_permissions(file, Permissions::from_mode(PRIVATE_FILE)) {
        tracing::warn!(%error, file = %file.display(), "others may read this file, and that cannot be changed");
    }
}

/// The file itself, past all links; of one that does not exist, where it would be.
fn resolve(named: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(named)?;
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => {
                let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path) };
                // A folder that is missing has no links in it.
                return Ok(folder.canonicalize().map_or_else(|_| path.clone(), |folder| folder.join(name)));
            }
        }
    }
    Err(io::Error::other("links lead in a circle"))
}

pub(crate) fn unopenable(file: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::config(
        "database_file",
        format!("the database file {} cannot be opened: choose another with --data or DATABASE_URL", file.display()),
    )
    .source(error)
}
