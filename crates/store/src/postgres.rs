//! PostgreSQL: serializable transactions, retried; every tenant table behind a policy that our role cannot bypass.

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
    AssertSqlSafe, ConnectOptions, Executor, PgPool, Row as _,
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgConnection, PgListener},
};
use tokio::sync::Notify;

pub(crate) use transaction::Transaction;

use crate::{
    BoxFuture, Isolation, Options, Step, Tx,
    error::{from_sqlx, is_conflict, is_down, is_duplicate, panicked},
    tx::Conn,
    watch::Around,
};

/// The role that every connection takes on when the one in `DATABASE_URL` could bypass row-level security.
pub(crate) const ROLE: &str = "trunkline_app";
/// How often a transaction that another one was in the way of is run again.
const TRIES: u32 = 40;
/// How often a transaction is run whose row was there already: that may be a race, or the truth.
const DUPLICATES: u32 = 3;

#[derive(Clone)]
pub(crate) struct PostgresDb {
    pool: PgPool,
    woken: Arc<Notify>,
    pub(crate) connect: PgConnectOptions,
    around: Around,
}

impl PostgresDb {
    pub(crate) fn open(options: &Options, woken: Arc<Notify>, around: Around) -> Result<Self> {
        let timeout = format!("{}ms", options.statement_timeout.as_millis());
        // Serializable transactions fail one another now and then, and are run again. That is no news: their connections
        // would warn of a rollback where there is nothing left to roll back.
        let connect = PgConnectOptions::from_str(&options.url)
            .map_err(from_sqlx)?
            .application_name("trunkline")
            .options([
                ("statement_timeout", timeout.as_str()),
                ("idle_in_transaction_session_timeout", "60s"),
                ("client_min_messages", "error"),
            ])
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let pool = PoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .after_connect(|conn, _| Box::pin(drop_privileges(conn)))
            .connect_lazy_with(connect.clone());
        Ok(Self { pool, woken, connect, around })
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
        let begin = match isolation {
            Isolation::Serializable => "begin isolation level serializable",
            Isolation::ReadCommitted => "begin isolation level read committed",
            Isolation::Statement => "",
        };
        for attempt in 1.. {
            // What cannot even begin is not tried again here: a server that is down costs one time-out.
            let tx = self.begin(begin, scope).await?;
            match self.once(tx, &work).await {
                // Connections die with the server; the pool may hold nothing but dead ones.
                Err(error) if isolation == Isolation::Statement && is_down(&error) && attempt <= self.most() => {}
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
    async fn once<T, F>(&self, mut tx: Tx, work: &F) -> Result<T>
    where
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        let run = AssertUnwindSafe(async { work(&mut tx).await }).catch_unwind().await;
        let answer = run.map_err(|panic| panicked(&*panic))??;
        let (wakes, mut commit) = (tx.wakes, tx.take_commit());
        if let (Some(commit), Some(write), Conn::Postgres(_)) = (&mut commit, self.around.writes_along(), &tx.conn) {
            commit.number = write(&mut tx, commit).await?;
        }
        self.around.steps.reach(Step::Commit).await;
        tx.commit().await?;
        self.around.steps.reach(Step::Committed).await;
        if let Some(commit) = &commit {
            self.around.committed(commit);
        }
        if wakes {
            self.woken.notify_waiters();
        }
        Ok(answer)
    }

    /// Connections that the pool may hold.
    fn most(&self) -> u32 {
        self.pool.options().get_max_connections()
    }

    /// Begins and sets the organization, in one round trip.
    async fn begin(&self, begin: &str, scope: &Scope) -> Result<Tx> {
        if begin.is_empty() {
            let conn = self.pool.acquire().await.map_err(from_sqlx)?;
            return Ok(Tx::new(Conn::PostgresStatements(conn), Scope::System, self.around.clone()));
        }
        // An id is made of letters, digits and an underscore: see `kernel::Id::parse`.
        let organization = scope.organization().map_or("", |id| id.as_str());
        let sql = format!("{begin}; set local trunkline.org = '{organization}'");
        let (mut tries, dead) = (0, self.most());
        loop {
            tries += 1;
            match Transaction::begin(&self.pool, &sql).await {
                Ok(tx) => return Ok(Tx::new(Conn::Postgres(tx), scope.clone(), self.around.clone())),
                // A pooled connection may have died with the server it was connected to, and the others with it.
                Err(sqlx::Error::Io(_) | sqlx::Error::BeginFailed) if tries <= dead => {}
                Err(sqlx::Error::Database(error))
                    if tries <= dead && error.code().is_some_and(|c| c.starts_with("57P")) => {}
                Err(error) => return Err(from_sqlx(error)),
            }
        }
    }

    pub(crate) async fn listen(&self, channel: &'static str) -> Option<PgListener> {
        let mut listener = PgListener::connect_with(&self.pool).await.ok()?;
        listener.listen(channel).await.ok()?;
        Some(listener)
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Becomes a role that row-level security binds, when this one is above it. It is made here where it is missing, so that
/// no connection is ever above the policies, also not one that was opened before the first migration.
async fn drop_privileges(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    if bypasses_policies(conn).await? {
        if !role_exists(conn).await? {
            make_role(conn).await?;
        }
        conn.execute(AssertSqlSafe(format!("set role {ROLE}"))).await?;
    }
    Ok(())
}

/// Makes the role. Roles belong to the whole server: another database may be making it at the same time.
pub(crate) async fn make_role(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = format!(
        "do $$ begin create role {ROLE} nologin; exception when duplicate_object or unique_violation then null; end $$;
         do $$ begin
             if not (select rolsuper from pg_roles where rolname = current_user) then
                 execute format('grant {ROLE} to %I', current_user);
             end if;
         end $$"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)
}

/// Whether row-level security does not hold for the connected role.
pub(crate) async fn bypasses_policies(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("select rolsuper or rolbypassrls as bypasses from pg_roles where rolname = current_user")
        .fetch_one(conn)
        .await?;
    row.try_get("bypasses")
}

async fn role_exists(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row =
        sqlx::query("select count(*) as roles from pg_roles where rolname = $1").bind(ROLE).fetch_one(conn).await?;
    Ok(row.try_get::<i64, _>("roles")? > 0)
}

/// A few milliseconds, more after each try, and never the same for two that were in each other's way.
fn pause(attempt: u32) -> Duration {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let longest = u64::from(attempt.min(8).pow(2)) * 1000;
    // Steps of the golden ratio: every few turns are spread evenly.
    let spread = TURN.fetch_add(1, Ordering::Relaxed).wrapping_mul(618) % 1000;
    Duration::from_micros(longest / 4 + longest * spread / 1000)
}
