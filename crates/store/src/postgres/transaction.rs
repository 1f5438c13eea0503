//! A transaction on a pooled connection, which may be left at any point: a client whose wire is cut drops what was being
//! done for it.
//!
//! It is ours because the one of `sqlx` 0.9 leaves a transaction open on the server when it is dropped while it begins. The
//! pool hands that connection on, and whoever gets it reads a snapshot of long ago, or is refused.

use sqlx::{AssertSqlSafe, Error, Executor, PgConnection};
use tokio::runtime::Handle;

use super::pool::Lent;

pub(crate) struct Transaction {
    /// None when it is over.
    conn: Option<Lent>,
    /// Whether the server has begun it. As long as nobody knows, the connection serves nobody else.
    is_open: bool,
}

impl Transaction {
    /// Runs `sql`, which begins, on this connection.
    pub(crate) async fn begin(conn: Lent, sql: &str) -> Result<Self, Error> {
        let mut tx = Self { conn: Some(conn), is_open: false };
        tx.connection()?.execute(AssertSqlSafe(sql.to_owned())).await?;
        tx.is_open = true;
        Ok(tx)
    }

    /// What its statements run on.
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        self.conn.as_mut().map(Lent::connection).ok_or(Error::PoolClosed)
    }

    /// Ends it. A commit that the server refuses has ended it too.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.end("commit").await
    }

    async fn end(&mut self, sql: &'static str) -> Result<(), Error> {
        self.connection()?.execute(sql).await?;
        self.conn = None;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        match Handle::try_current() {
            Ok(runtime) if self.is_open => {
                // After a commit that is on its way it does nothing. If it fails, the connection ends with it.
                let mut left = Self { conn: Some(conn), is_open: false };
                runtime.spawn(async move { left.end("rollback").await });
            }
            // It is not worth finding out: the server ends what is open when the connection ends.
            Ok(_) | Err(_) => conn.close_on_drop(),
        }
    }
}
