//! How a database is opened.

use std::{path::PathBuf, time::Duration};

use kernel::{Error, Result};

use crate::{Engine, Failpoints, sqlite::DatabaseFile};

/// What a handle may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything. A SQLite file that is missing is made.
    Write,
    /// Only reading. A SQLite file must be there.
    Read,
}

/// Where the database is and how long anything on it may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:FILE` or `postgres://user@host/database`. It may hold a password: never log it whole.
    pub url: String,
    /// Where PostgreSQL itself is, when `url` leads through a pooler such as PgBouncer. Migrations, listeners and connections of their
    /// own go there, and the pool then keeps to what works when each transaction may get another connection of the server.
    pub direct_url: Option<String>,
    /// What it may do.
    pub access: Access,
    /// How long a caller waits for a connection, or for the writer's queue, before it is told to come back.
    pub acquire_timeout: Duration,
    /// How long one statement may run; on SQLite, how long one transaction may.
    pub statement_timeout: Duration,
    /// Connections for reading and, on PostgreSQL, for writing.
    pub max_connections: u32,
    /// How large SQLite's write-ahead log may grow, in bytes, before readers pause so that it can be emptied.
    pub log_limit: u64,
    /// Hooks at certain points of each transaction: for tests that stop a process there.
    pub failpoints: Failpoints,
}

impl Options {
    /// The defaults for `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            direct_url: None,
            access: Access::Write,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            max_connections: 16,
            log_limit: 64 << 20,
            failpoints: Failpoints::default(),
        }
    }

    /// Which engine the address names.
    ///
    /// # Errors
    /// `Config` when it is neither.
    pub fn engine(&self) -> Result<Engine> {
        match self.url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Engine::Sqlite),
            Some("postgres" | "postgresql") => Ok(Engine::Postgres),
            _ => Err(Error::config(
                "database_url_unknown",
                "DATABASE_URL must begin with sqlite: or postgres://, for example sqlite:data/trunkline.db",
            )),
        }
    }

    /// The file of a SQLite database, past all links; none for PostgreSQL.
    ///
    /// # Errors
    /// `Config` when the address names no file.
    pub fn sqlite_path(&self) -> Result<Option<PathBuf>> {
        Ok(DatabaseFile::of(self)?.map(|file| file.path().to_owned()))
    }

    /// The file of a SQLite database, as it was spelled: after `sqlite:` or `sqlite://`, and without what follows a `?`. None for
    /// PostgreSQL.
    ///
    /// # Errors
    /// `Config` when the address is neither, or names no file.
    pub(crate) fn sqlite_file(&self) -> Result<Option<PathBuf>> {
        if self.engine()? != Engine::Sqlite {
            return Ok(None);
        }
        let path = self.url.strip_prefix("sqlite:").unwrap_or(&self.url);
        let path = path.strip_prefix("//").unwrap_or(path);
        match path.split('?').next().unwrap_or(path) {
            "" | ":memory:" => Err(Error::config(
                "database_url_no_file",
                "DATABASE_URL names no file: write it like sqlite:data/trunkline.db",
            )),
            file => Ok(Some(PathBuf::from(file))),
        }
    }
}
