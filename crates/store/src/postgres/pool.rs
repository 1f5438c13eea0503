//! The connections of one node, and who waits for one.
//!
//! The pool of `sqlx` says the same for "all connections are lent" and "the server does not answer". Those who ask take turns in
//! front of it, so that the two can be told apart: who holds a turn finds a free place in the pool, and fails only when the server
//! does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::Result;
use sqlx::{
    PgPool, Postgres,
    pool::{PoolConnection, PoolOptions},
    postgres::{PgConnectOptions, PgConnection},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{busy, down, from_sqlx};

/// A bounded set of connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: PgPool,
    turns: Arc<Semaphore>,
    wait: Duration,
    /// Whether the server answered the last time that a connection was asked for.
    answers: Arc<AtomicBool>,
}

/// A connection that goes back to the pool when it is dropped.
pub(crate) struct Lent {
    connection: PoolConnection<Postgres>,
    /// Given back after the connection: fields are dropped in this order.
    _turn: OwnedSemaphorePermit,
}

impl Pool {
    /// At most `most` connections; whoever asks for one waits for `wait` at most.
    pub(crate) fn new(connect: PgConnectOptions, most: u32, wait: Duration) -> Self {
        let connections = PoolOptions::new()
            .max_connections(most)
            .acquire_timeout(wait)
            .test_before_acquire(false)
            .connect_lazy_with(connect);
        let turns = Arc::new(Semaphore::new(most.try_into().unwrap_or(Semaphore::MAX_PERMITS)));
        Self { connections, turns, wait, answers: Arc::new(AtomicBool::new(true)) }
    }

    /// A free connection.
    ///
    /// # Errors
    /// `database_busy` when all were lent for the whole wait, `database_down` when the server did not answer. Either way nothing
    /// was done.
    pub(crate) async fn lend(&self) -> Result<Lent> {
        let turn = match tokio::time::timeout(self.wait, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(_closed)) => return Err(down()),
            // Those who hold the turns may be waiting for a server that is gone.
            Err(_) if !self.answers.load(Ordering::Relaxed) => return Err(down()),
            Err(_) => {
                return Err(busy(
                    "all connections to the database are in use: raise TRUNKLINE_DATABASE_CONNECTIONS if this happens often",
                ));
            }
        };
        let connection = self.connections.acquire().await;
        self.answers.store(connection.is_ok(), Ordering::Relaxed);
        Ok(Lent { connection: connection.map_err(from_sqlx)?, _turn: turn })
    }

    /// How many connections there may be.
    pub(crate) fn most(&self) -> u32 {
        self.connections.options().get_max_connections()
    }

    pub(crate) async fn close(&self) {
        self.connections.close().await;
    }
}

impl Lent {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Makes it end, instead of going back to the pool.
    pub(crate) fn close_on_drop(&mut self) {
        self.connection.close_on_drop();
    }
}
