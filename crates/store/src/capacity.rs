//! How many connections a PostgreSQL server has, and how many a node takes of them.

use kernel::{Result, Scope};

use crate::Db;

/// Connections of each node besides its pool: two listen, one tells that it lives.
const OF_ITS_OWN: i64 = 3;

/// The arithmetic of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Connections that the server lets its ordinary logins have.
    pub available: i64,
    /// Those that are taken by logins of this database other than ours, and of other databases.
    pub taken_by_others: i64,
    /// Those that a node takes at most.
    pub each_node: i64,
}

impl Capacity {
    /// For how many nodes there is room.
    pub fn nodes(&self) -> i64 {
        (self.available - self.taken_by_others).max(0) / self.each_node.max(1)
    }
}

impl Db {
    /// The arithmetic of connections; none on SQLite, which has no server.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn capacity(&self) -> Result<Option<Capacity>> {
        let Some(postgres) = self.postgres() else { return Ok(None) };
        let look = self.read(&Scope::System, |tx| {
            Box::pin(async move {
                let sql = "select current_setting('max_connections')::bigint
                         - current_setting('superuser_reserved_connections')::bigint
                         - coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::bigint as available,
                     (select count(*) from pg_stat_activity
                      where backend_type = 'client backend' and application_name <> 'trunkline') as others";
                let row = tx.system(sql).row().await?;
                let row = row.ok_or_else(|| kernel::Error::internal("no_row", "a count came back as nothing"))?;
                Ok((row.int("available")?, row.int("others")?))
            })
        });
        let (available, taken_by_others) = look.await?;
        // Behind a pooler the pool's connections are the pooler's, and it bounds them.
        let pool = if postgres.is_pooled() { 0 } else { postgres.connections().into() };
        Ok(Some(Capacity { available, taken_by_others, each_node: OF_ITS_OWN + pool }))
    }
}
