//! What a backup needs of a database: a copy of it as it was at one moment, while others go on.

use std::path::Path;

use kernel::{Error, Result};
use sqlx::{Connection, Row as _};

use crate::{Db, error::from_sqlx, postgres::Login};

impl Db {
    /// Copies a SQLite database, as it is at one moment, into a file that is empty. Others go on writing; what they write meanwhile
    /// stays in the write-ahead log until the copy is done.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read or the disk is full, `Internal` on PostgreSQL, which has `pg_dump`.
    pub async fn copy_to(&self, file: &Path) -> Result<()> {
        let Some(sqlite) = self.sqlite() else {
            return Err(Error::internal("not_a_file", "only SQLite is copied as a file"));
        };
        let mut conn = sqlite.connect().await?;
        // The copy is a file of its own; of this one nothing is changed.
        sqlx::raw_sql("pragma query_only = off").execute(&mut conn).await.map_err(from_sqlx)?;
        let copy = sqlx::query("vacuum into $1").bind(file.to_string_lossy().into_owned());
        copy.execute(&mut conn).await.map_err(from_sqlx)?;
        conn.close().await.map_err(from_sqlx)
    }

    /// That a dump by the login of this handle has the rows of all organizations. Its connections say `trunkline.backup=on`.
    ///
    /// # Errors
    /// `Config` when a table has no policy for dumps yet and the login does not bypass the others.
    pub async fn check_can_dump(&self) -> Result<()> {
        let Some(postgres) = self.postgres() else { return Ok(()) };
        let mut conn = postgres.connect().await?;
        if !Login::read(&mut conn).await.map_err(from_sqlx)?.bypasses_policies {
            let sql = "select c.relname::text as name from pg_class c
                 where c.relnamespace = current_schema()::regnamespace and c.relrowsecurity and not exists (
                     select 1 from pg_policy p where p.polrelid = c.oid and p.polname = 'backup') limit 1";
            let uncovered = sqlx::query(sql).fetch_optional(&mut conn).await.map_err(from_sqlx)?;
            if let Some(row) = uncovered {
                let table: String = row.try_get("name").map_err(from_sqlx)?;
                let message = format!("a dump would leave out rows of {table}: run `trunkline migrate` first");
                return Err(Error::config("dump_incomplete", message));
            }
        }
        conn.close().await.map_err(from_sqlx)
    }
}
