//! A place that is being filled from a backup says so, and nobody works on it until it is whole.
//!
//! Beside a SQLite file that is a file, and on PostgreSQL a table. Who was killed half-way left it there, and the next restore takes
//! the place as its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use kernel::{Error, Result};
use sqlx::{Connection, Executor, PgConnection, Row as _};

use crate::{
    Db, Options,
    error::from_sqlx,
    sqlite::{DatabaseFile, make_private_folder, unopenable},
};

/// The table that says so.
const TABLE: &str = "trunkline_restoring";
/// The end of the name of the file that says so.
const MARK: &str = ".restoring";

/// A SQLite file that is being filled.
pub struct Restoring {
    target: PathBuf,
    mark: PathBuf,
}

impl Restoring {
    /// The file that these options name.
    ///
    /// # Errors
    /// `Config` when they name none.
    pub fn of_file(options: &Options) -> Result<Self> {
        let file = DatabaseFile::of(options)?;
        let file = file.ok_or_else(|| Error::internal("not_a_file", "PostgreSQL is not restored as a file"))?;
        Ok(Self { target: file.path().to_owned(), mark: file.beside(MARK) })
    }

    /// Where the database belongs.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Whether it was begun and not ended.
    pub fn is_begun(&self) -> bool {
        self.mark.exists()
    }

    /// Says that it has begun.
    ///
    /// # Errors
    /// `Config` when that cannot be written.
    pub fn begin(&self) -> Result<()> {
        let mark = || {
            self.mark.parent().map_or(Ok(()), make_private_folder)?;
            fs::File::create(&self.mark)?.sync_all()
        };
        mark().map_err(|error| unopenable(&self.mark, error))
    }

    /// Says that all of it is there.
    ///
    /// # Errors
    /// `Config` when that cannot be written.
    pub fn end(&self) -> Result<()> {
        fs::remove_file(&self.mark).map_err(|error| unopenable(&self.mark, error))
    }
}

impl DatabaseFile {
    /// That no restore was interrupted here.
    pub(crate) fn must_be_whole(&self) -> Result<()> {
        match self.beside(MARK).symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(_) | Err(_) => Err(interrupted(&self.path().display().to_string())),
        }
    }
}

/// What a PostgreSQL database holds, for who wants to restore into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreState {
    /// No tables.
    Empty,
    /// Tables, and no restore that was interrupted.
    Taken,
    /// A restore was interrupted before there were tables.
    Begun,
    /// A restore was interrupted after all tables were there.
    Filled {
        /// What was given to [`Db::begin_restore`].
        from: String,
    },
}

impl Db {
    /// How a PostgreSQL database stands.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub async fn restore_state(&self) -> Result<RestoreState> {
        let mut conn = self.plain().await?;
        let sql = format!(
            "select count(*) filter (where relname = '{TABLE}') as marks,
                 count(*) filter (where relname <> '{TABLE}') as tables
             from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut conn).await.map_err(from_sqlx)?;
        let count = |name: &str| row.try_get::<i64, _>(name).map_err(from_sqlx);
        let state = match (count("marks")? > 0, count("tables")? > 0) {
            (false, false) => RestoreState::Empty,
            (false, true) => RestoreState::Taken,
            (true, false) => RestoreState::Begun,
            (true, true) => {
                let sql = format!("select backup from {TABLE}");
                let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut conn).await.map_err(from_sqlx)?;
                RestoreState::Filled { from: row.try_get("backup").map_err(from_sqlx)? }
            }
        };
        conn.close().await.map_err(from_sqlx)?;
        Ok(state)
    }

    /// Says that a PostgreSQL database is being filled from this backup.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub async fn begin_restore(&self, backup: &str) -> Result<()> {
        let mut conn = self.plain().await?;
        let mut tx = conn.begin().await.map_err(from_sqlx)?;
        let sql = format!("create table if not exists {TABLE} (backup text not null); delete from {TABLE}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.map_err(from_sqlx)?;
        let sql = format!("insert into {TABLE} (backup) values ($1)");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(backup).execute(&mut *tx).await.map_err(from_sqlx)?;
        tx.commit().await.map_err(from_sqlx)?;
        conn.close().await.map_err(from_sqlx)
    }

    /// Says that all of it is there.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub async fn end_restore(&self) -> Result<()> {
        let mut conn = self.plain().await?;
        conn.execute(sqlx::AssertSqlSafe(format!("drop table {TABLE}"))).await.map_err(from_sqlx)?;
        conn.close().await.map_err(from_sqlx)
    }

    async fn plain(&self) -> Result<PgConnection> {
        match self.postgres() {
            Some(postgres) => postgres.connect().await,
            None => Err(Error::internal("not_a_server", "SQLite is restored as a file")),
        }
    }
}

/// That no restore was interrupted in a database with these tables.
pub(crate) fn must_be_whole<'t>(mut tables: impl Iterator<Item = &'t str>) -> Result<()> {
    if tables.any(|table| table == TABLE) { Err(interrupted("the database of DATABASE_URL")) } else { Ok(()) }
}

fn interrupted(place: &str) -> Error {
    let message =
        format!("a restore into {place} was interrupted: run `trunkline restore` again, with the same backup");
    Error::config("restore_interrupted", message)
}
