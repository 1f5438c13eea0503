//! PostgreSQL: serializable transactions, retried; every tenant table behind a policy that our role cannot bypass.
//!
//! Nothing here relies on the state of a session: role, organization and time limits are set at the start of each transaction. So the
//! connections may lead through a pooler that hands out server connections for one transaction at a time, such as PgBouncer.

mod announcer;
mod pool;
mod role;
mod statistics;
mod transaction;

use std::{
    panic::AssertUnwindSafe,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use kernel::{Error, Result, Scope};
use sqlx::{
    ConnectOptions,
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgConnection, PgListener},
};
use tokio::sync::OnceCell;

use announcer::Announcer;
pub(crate) use announcer::CHANNEL;
pub(crate) use pool::Lent;
use pool::Pool;
pub(crate) use role::{Login, ROLE};
use statistics::Statistics;
pub(crate) use transaction::Transaction;

use crate::{
    Access, BoxFuture, Failpoint, Isolation, Options, Tx,
    error::{from_sqlx, is_conflict, is_down, is_duplicate, opened_to_read, panicked, pooler_undeclared},
    hooks::Commit,
    shared::Shared,
    tx::Conn,
};

/// How often a transaction that another one was in the way of is run again.
const TRIES: u32 = 40;
/// How often a transaction is run whose row was there already: that may be a race, or the truth.
const DUPLICATES: u32 = 3;
/// How long a transaction may stay open with nobody asking it anything.
const IDLE: &str = "60s";
/// How statements are planned: by an index wherever there is one. A table that is small is read whole otherwise, by a plan that
/// is kept while it grows, and a serializable transaction that has read a whole table conflicts with all who write to it.
/// And without compilation and helpers: what such a plan seems to cost is not what it costs.
const PLANNING: [(&str, &str); 3] =
    [("enable_seqscan", "off"), ("jit", "off"), ("max_parallel_workers_per_gather", "0")];

#[derive(Clone)]
pub(crate) struct PostgresDb {
    pool: Pool,
    /// Leads to the server itself, past a pooler: for migrations, for what listens, and for connections of their own.
    direct: PgConnectOptions,
    statement_timeout: Duration,
    /// Whether the pool leads through a pooler that hands out connections for a transaction at a time.
    is_pooled: bool,
    access: Access,
    /// What transactions begin with after their isolation: the same for all. Known when the server has answered once.
    preamble: Arc<OnceCell<String>>,
    statistics: Arc<Statistics>,
    shared: Shared,
    announcer: Announcer,
}

impl PostgresDb {
    pub(crate) fn open(options: &Options, shared: Shared) -> Result<Self> {
        let direct_url = options.direct_url.as_ref().filter(|direct| **direct != options.url);
        let direct = session(direct_url.unwrap_or(&options.url), options.statement_timeout)?;
        let connect = match direct_url {
            Some(_) => pooled(&options.url)?,
            None => direct.clone(),
        };
        let pool = Pool::new(connect, options.max_connections, options.acquire_timeout);
        Ok(Self {
            announcer: Announcer::start(pool.clone()),
            pool,
            direct,
            statement_timeout: options.statement_timeout,
            is_pooled: direct_url.is_some(),
            access: options.access,
            preamble: Arc::default(),
            statistics: Arc::default(),
            shared,
        })
    }

    /// The same database on one connection that nobody else uses, and that gives up after `limit`.
    pub(crate) fn alone(&self, limit: Duration) -> Self {
        let direct = limited(self.direct.clone(), limit);
        Self {
            pool: Pool::new(direct.clone(), 1, limit),
            direct,
            statement_timeout: limit,
            is_pooled: false,
            access: self.access,
            preamble: Arc::default(),
            statistics: Arc::default(),
            shared: self.shared.clone(),
            announcer: self.announcer.clone(),
        }
    }

    pub(crate) async fn read<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        let mut tx = self.begin("begin isolation level repeatable read read only", scope).await?;
        // Nothing was written: nobody waits for the end.
        work(&mut tx).await
    }

    pub(crate) async fn write<T, F>(&self, isolation: Isolation, scope: &Scope, work: F) -> Result<T>
    where
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        if self.access == Access::Read {
            return Err(opened_to_read());
        }
        for attempt in 1.. {
            // What cannot even begin is not tried again here: a server that is down costs one time-out.
            let tx = match isolation {
                Isolation::Serializable => self.begin("begin isolation level serializable", scope).await?,
                Isolation::ReadCommitted => self.begin("begin isolation level read committed", scope).await?,
                // A pooler may send each statement to another server connection, also the two halves of one that has values.
                Isolation::Statement if self.is_pooled => {
                    self.begin("begin isolation level read committed", &Scope::System).await?
                }
                Isolation::Statement => self.tx(Conn::PostgresStatements(self.pool.lend().await?), Scope::System),
            };
            match self.once(isolation, tx, &work).await {
                // Connections die with the server; the pool may hold nothing but dead ones.
                Err(error) if isolation == Isolation::Statement && is_down(&error) && attempt <= self.pool.most() => {}
                Err(error) if is_conflict(&error) && attempt < TRIES => {
                    metrics::counter!("trunkline_transaction_conflicts_total").increment(1);
                    tokio::time::sleep(pause(attempt)).await;
                }
                // Two transactions that make the same row may meet here first: seen again, the row is there to be read.
                Err(error) if isolation == Isolation::Serializable && is_duplicate(&error) && attempt < DUPLICATES => {}
                answer => return answer,
            }
        }
        Err(Error::internal("unreachable", "a transaction ended neither way"))
    }

    /// One run of `work`, to its commit or its end. A panic in it is its error.
    async fn once<T, F>(&self, isolation: Isolation, mut tx: Tx, work: &F) -> Result<T>
    where
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        let run = AssertUnwindSafe(async { work(&mut tx).await }).catch_unwind().await;
        let answer = run.map_err(|panic| panicked(&*panic))??;
        let (wakes, mut commit) = (tx.wakes, Commit::of(&mut tx));
        let along = self.shared.hooks.writes_along().filter(|_| isolation != Isolation::Statement);
        if let (Some(commit), Some(write)) = (&mut commit, along) {
            commit.number = write(&mut tx, commit).await?;
        }
        self.shared.failpoints.reach(Failpoint::Commit).await;
        tx.commit().await?;
        self.shared.failpoints.reach(Failpoint::Committed).await;
        if let Some(commit) = &commit {
            self.shared.hooks.committed(commit);
        }
        if wakes {
            self.shared.woken.notify_waiters();
            self.announcer.announce();
        }
        Ok(answer)
    }

    fn tx(&self, conn: Conn, scope: Scope) -> Tx {
        Tx::new(conn, scope, self.shared.schema.clone(), self.shared.failpoints.clone())
    }

    /// Begins, and sets role, organization and limits, in one round trip.
    async fn begin(&self, begin: &str, scope: &Scope) -> Result<Tx> {
        // An id is made of letters, digits and an underscore: see `kernel::Id::parse`.
        let organization = scope.organization().map_or("", |id| id.as_str());
        let mut tries = 0;
        loop {
            tries += 1;
            let begun = async {
                let mut lent = self.pool.lend().await?;
                let preamble = self.preamble(&mut lent).await?;
                let sql = format!("{begin}{preamble}; set local trunkline.org = '{organization}'");
                Transaction::begin(lent, &sql).await.map_err(from_sqlx)
            };
            match begun.await {
                Ok(tx) => {
                    return Ok(self.tx(Conn::Postgres { tx, is_named: !self.is_pooled }, scope.clone()));
                }
                // A pooled connection may have died with the server it was connected to, and the others with it.
                Err(error) if is_lost(&error) && tries <= self.pool.most() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What every transaction begins with: the role that the policies hold for, and the limits that a session would have.
    async fn preamble(&self, lent: &mut Lent) -> Result<&str> {
        self.preamble.get_or_try_init(|| self.read_preamble(lent)).await.map(String::as_str)
    }

    async fn read_preamble(&self, lent: &mut Lent) -> Result<String> {
        let login = Login::read(lent.connection()).await.map_err(from_sqlx)?;
        let limit = self.statement_timeout.as_millis();
        if !self.is_pooled {
            self.check_direct(&login)?;
        }
        let mut preamble = String::new();
        if let Some(role) = login.role(lent.connection()).await? {
            preamble += &format!("; set local role {role}");
        }
        if self.is_pooled {
            preamble += &format!(
                "; set local statement_timeout = '{limit}ms'; set local client_min_messages = 'error'\
                 ; set local idle_in_transaction_session_timeout = '{IDLE}'"
            );
            for (name, value) in PLANNING {
                preamble += &format!("; set local {name} = {value}");
            }
        }
        Ok(preamble)
    }

    /// A connection to the server itself, of no pool, as the login: for migrations.
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        let mut conn = self.direct.connect().await.map_err(from_sqlx)?;
        self.check_direct(&Login::read(&mut conn).await.map_err(from_sqlx)?)?;
        Ok(conn)
    }

    /// Finds a pooler that drops the settings of a session, as PgBouncer does with `ignore_startup_parameters`.
    fn check_direct(&self, login: &Login) -> Result<()> {
        let is_kept = u128::try_from(login.statement_timeout_ms) == Ok(self.statement_timeout.as_millis());
        if is_kept { Ok(()) } else { Err(pooler_undeclared()) }
    }

    /// Whether the pool leads through a pooler.
    pub(crate) fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// How many connections the pool may have.
    pub(crate) fn connections(&self) -> u32 {
        self.pool.most()
    }

    /// Makes anew the statistics of tables that have outgrown them.
    pub(crate) async fn refresh_statistics(&self) -> Result<usize> {
        self.statistics.refresh(&self.pool).await
    }

    /// Hears what is announced on `channel`, on a connection that is not of the pool.
    pub(crate) async fn listen(&self, channel: &'static str) -> Option<PgListener> {
        let own = PoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let own = own.acquire_timeout(Duration::from_secs(5)).connect_lazy_with(self.direct.clone());
        let mut listener = PgListener::connect_with(&own).await.ok()?;
        listener.ignore_pool_close_event(true);
        listener.listen(channel).await.ok()?;
        Some(listener)
    }

    /// Says as whom this process announces its commits, and for how long it gathers them.
    pub(crate) fn announce_as(&self, sender: i64, pause: Duration) {
        self.announcer.announce_as(sender, pause);
    }

    /// Announces what was committed, and closes.
    pub(crate) async fn close(&self) {
        self.announcer.flush().await;
        self.pool.close().await;
    }
}

/// How to connect to the server itself: with limits that hold for the session.
fn session(url: &str, statement_timeout: Duration) -> Result<PgConnectOptions> {
    let connect = PgConnectOptions::from_str(url).map_err(from_sqlx)?.application_name("trunkline");
    // Serializable transactions fail one another now and then, and are run again. That is no news: their connections
    // would warn of a rollback where there is nothing left to roll back.
    let connect = connect.options([("idle_in_transaction_session_timeout", IDLE), ("client_min_messages", "error")]);
    let connect = connect.options(PLANNING);
    Ok(limited(connect, statement_timeout).statement_cache_capacity(256).disable_statement_logging())
}

/// With another time limit. Of two that are sent, the later one holds.
fn limited(connect: PgConnectOptions, statement_timeout: Duration) -> PgConnectOptions {
    connect.options([("statement_timeout", format!("{}ms", statement_timeout.as_millis()))])
}

/// How to connect to a pooler, which refuses settings of a session and forgets prepared statements.
fn pooled(url: &str) -> Result<PgConnectOptions> {
    let connect = PgConnectOptions::from_str(url).map_err(from_sqlx)?.application_name("trunkline");
    Ok(connect.extra_float_digits(None).statement_cache_capacity(0).disable_statement_logging())
}

/// Whether a connection was found dead. Not so when none was to be had.
fn is_lost(error: &Error) -> bool {
    let Some(source) = std::error::Error::source(error) else { return false };
    match source.downcast_ref::<sqlx::Error>() {
        Some(error) => matches!(error, sqlx::Error::Io(_) | sqlx::Error::BeginFailed),
        // The server said that it is shutting down.
        None => is_down(error) && source.to_string().starts_with("57P"),
    }
}

/// A few milliseconds, more after each try, and never the same for two that were in each other's way.
fn pause(attempt: u32) -> Duration {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let longest = u64::from(attempt.min(8).pow(2)) * 1000;
    // Steps of the golden ratio: every few turns are spread evenly.
    let spread = TURN.fetch_add(1, Ordering::Relaxed).wrapping_mul(618) % 1000;
    Duration::from_micros(longest / 4 + longest * spread / 1000)
}
