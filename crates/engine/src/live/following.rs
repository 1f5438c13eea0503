//! The commits of other nodes, on PostgreSQL: rows that every transaction writes along with what it changes.
//!
//! The rows are the truth; a notification only says that it is time to look. It is sent outside of the transaction and
//! for several at a time, because PostgreSQL lets transactions that notify commit one after the other only.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use kernel::{Error, OrgId, Result, Scope};
use store::{Commit, Db, Engine, FromRow, Isolation, Listener, Table, Tx};
use tokio::sync::{Notify, OnceCell};

use super::Inner;
use crate::timestamps::Timestamps;

/// The channel of the notifications.
const CHANNEL: &str = "trunkline_changes";
/// Looks at the rows follow one another no faster than this.
const BREATH: Duration = Duration::from_millis(10);
/// How long to wait before a connection that was lost is made anew.
const RECONNECT: Duration = Duration::from_secs(1);
/// How often old rows are looked for, and how many go at once.
const CLEANING: Duration = Duration::from_secs(60);
const AT_ONCE: i64 = 500;
/// Tables that nobody's answers are read from, and that are written more often than all others.
const QUIET: [&str; 11] = [
    "changes",
    "crons",
    "cursors",
    "event_batches",
    "event_keys",
    "inbox_events",
    "jobs",
    "replays",
    "reserved_timestamps",
    "route_waits",
    "trunkline_migrations",
];

/// How far this node has read.
#[derive(Default)]
pub(super) struct Following {
    ended: Mutex<Ended>,
    begun: OnceCell<()>,
    /// This node committed.
    committed: Notify,
}

/// Which transactions had ended: all before `next` that are not among `open`. Their rows were told; no others.
///
/// A number is given to a transaction at its first write and shows when it commits, so rows do not appear in the order of
/// their numbers. One long transaction keeps nothing back but itself.
#[derive(Clone, Default)]
pub(super) struct Ended {
    next: i64,
    open: Vec<i64>,
}

impl Ended {
    /// Whether this transaction had.
    pub(super) fn includes(&self, xid: i64) -> bool {
        xid < self.next && !self.open.contains(&xid)
    }
}

/// What a commit touched.
pub(super) struct Row {
    pub(super) xid: i64,
    pub(super) tables: BTreeSet<Table>,
    organization: Option<OrgId>,
    ts: u64,
}

impl Following {
    /// Begins with what is committed now. Nothing can be shown before.
    pub(super) async fn begin(&self, db: &Db) -> Result<()> {
        let first = || async {
            *self.lock() = db.read(&Scope::System, |tx| Box::pin(ended(tx))).await?;
            Ok(())
        };
        self.begun.get_or_try_init(first).await.copied()
    }

    /// Notes a commit of this node.
    pub(super) fn committed(&self, tables: &BTreeSet<Table>) {
        if tables.iter().any(is_news) {
            self.committed.notify_one();
        }
    }

    /// Whether the rooms were told of what this transaction wrote.
    pub(super) fn knows(&self, xid: i64) -> bool {
        self.lock().includes(xid)
    }

    /// Which transactions this snapshot shows; and commits in it that concern an organization and that the rooms were not
    /// told of.
    pub(super) async fn news(&self, tx: &mut Tx, organization: Option<&OrgId>) -> Result<(Ended, Vec<Row>)> {
        let known = self.lock().clone();
        let rows = tx
            .system(
                "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next,
                     array_to_string(array(select pg_snapshot_xip(pg_current_snapshot())::text), ',') as open,
                     changes.xid, changes.organization, changes.tables, changes.ts
                 from (values (1)) as always (one)
                 left join changes on (xid >= $1 or xid = any($2)) and organization in ('', $3)",
            )
            .bind(known.next)
            .bind(known.open)
            .bind(organization.map_or("", |id| id.as_str()));
        let rows = rows.rows().await?;
        let shown = rows.first().map(Ended::from_row).ok_or_else(nameless)??;
        let mut news = Vec::new();
        for row in rows {
            if row.opt_int("xid")?.is_some_and(|xid| !self.knows(xid)) {
                news.push(Row::from_row(&row)?);
            }
        }
        Ok((shown, news))
    }

    fn lock(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_news(table: &Table) -> bool {
    !QUIET.contains(&table.whole())
}

/// Makes every transaction of this process that writes what somebody may watch say so to the nodes. A process that shows
/// live queries does it anyway; one that only writes has to be told.
pub fn record_changes(db: &Db, timestamps: &Timestamps) {
    if db.engine() != Engine::Postgres {
        // What another process writes to SQLite's file is seen by looking at the file.
        return;
    }
    let timestamps = timestamps.clone();
    db.before_commit(Arc::new(move |tx, commit| {
        let timestamps = timestamps.clone();
        Box::pin(async move { write(tx, commit, &timestamps).await })
    }));
}

/// One row for an organization's tables, one for the installation's.
/// Answers the number of the transaction.
async fn write(tx: &mut Tx, commit: &Commit, timestamps: &Timestamps) -> Result<Option<i64>> {
    let names = |is_tenant: bool| {
        let of_kind = commit.tables.iter().filter(|table| table.is_tenant == is_tenant && is_news(table));
        of_kind.map(|table| table.name.to_string()).collect::<Vec<_>>().join(",")
    };
    let organization = commit.organization.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut number = None;
    for (organization, tables) in [(organization, names(true)), (String::new(), names(false))] {
        if tables.is_empty() {
            continue;
        }
        let written = tx
            .system(
                "insert into changes (xid, organization, tables, ts, created_ms)
                 values (pg_current_xact_id()::text::bigint, $1, $2, $3, $4) returning xid",
            )
            .bind(organization)
            .bind(tables)
            .bind(i64::try_from(timestamps.next()).unwrap_or(i64::MAX))
            .bind(timestamps.now());
        number = written.row().await?.map(|row| row.int("xid")).transpose()?;
    }
    Ok(number)
}

/// Wakes the other nodes when this one committed, until it is aborted.
pub(super) async fn announce(inner: Arc<Inner>) {
    let Some(following) = &inner.following else { return };
    loop {
        following.committed.notified().await;
        let notify = store::work(|tx| {
            Box::pin(async move { tx.system("select pg_notify($1, '')").bind(CHANNEL).rows().await.map(drop) })
        });
        if let Err(error) = inner.operations.db().write_at(Isolation::Statement, &Scope::System, notify).await {
            tracing::debug!(?error, "other nodes were not woken: they will look by themselves");
        }
        tokio::time::sleep(inner.options.gather).await;
    }
}

/// Follows the other nodes, until it is aborted.
pub(super) async fn follow(inner: Arc<Inner>) {
    let Some(following) = &inner.following else { return };
    loop {
        let mut listener = inner.operations.db().listen(CHANNEL).await;
        let mut is_connected = listener.is_connected();
        // What was announced while nobody listened is found by looking.
        loop {
            if let Err(error) = look(&inner, following).await {
                tracing::warn!(?error, "the commits of other nodes could not be read");
            }
            if !is_connected {
                tokio::time::sleep(inner.options.poll.min(RECONNECT)).await;
                break;
            }
            is_connected = wait(&mut listener, inner.options.poll).await;
            if !is_connected {
                break;
            }
        }
    }
}

/// Waits until it is time to look. False when the connection was lost.
async fn wait(listener: &mut Listener, poll: Duration) -> bool {
    match tokio::time::timeout(poll, listener.heard()).await {
        Err(_) => return true,
        Ok(false) => return false,
        Ok(true) => tokio::time::sleep(BREATH).await,
    }
    // Those that came meanwhile are answered by the same look.
    while let Some(heard) = listener.heard().now_or_never() {
        if !heard {
            return false;
        }
    }
    true
}

/// Tells the rooms of the commits since the last time.
async fn look(inner: &Arc<Inner>, following: &Following) -> Result<()> {
    let db = inner.operations.db();
    following.begin(db).await?;
    let known = following.lock().clone();
    let (now, rows) = db.read(&Scope::System, |tx| Box::pin(since(tx, known))).await?;
    for row in rows {
        inner.operations.timestamps().observe(row.ts);
        inner.tell(row.organization.as_ref(), &row.tables, Some(row.xid));
    }
    // After the rooms were told: what a round finds known it must find pending.
    *following.lock() = now;
    Ok(())
}

/// Which transactions have ended in this snapshot, and what those wrote that had not before.
async fn since(tx: &mut Tx, known: Ended) -> Result<(Ended, Vec<Row>)> {
    let now = ended(tx).await?;
    let rows = tx
        .system("select xid, organization, tables, ts from changes where xid >= $1 or xid = any($2)")
        .bind(known.next)
        .bind(known.open);
    Ok((now, rows.all().await?))
}

async fn ended(tx: &mut Tx) -> Result<Ended> {
    let row = tx
        .system(
            "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next,
                 array_to_string(array(select pg_snapshot_xip(pg_current_snapshot())::text), ',') as open",
        )
        .row()
        .await?;
    Ended::from_row(&row.ok_or_else(nameless)?)
}

fn nameless() -> Error {
    Error::internal("snapshot_unknown", "PostgreSQL does not name its snapshot")
}

/// Forgets rows that every node has seen, until it is aborted.
pub(super) async fn clean(inner: Arc<Inner>) {
    let mut tick = tokio::time::interval(CLEANING);
    loop {
        tick.tick().await;
        if let Err(error) = forget(&inner).await {
            tracing::warn!(?error, "old changes could not be removed");
        }
    }
}

async fn forget(inner: &Inner) -> Result<()> {
    let old = inner.operations.world().now() - inner.options.keep;
    loop {
        let delete = store::work(move |tx| {
            Box::pin(async move {
                tx.system(
                    "delete from changes where seq in (
                         select seq from (select seq, created_ms from changes order by seq limit $2) as oldest
                         where created_ms < $1)",
                )
                .bind(old)
                .bind(AT_ONCE)
                .execute()
                .await
            })
        });
        let gone = inner.operations.db().write_at(Isolation::Statement, &Scope::System, delete).await?;
        if i64::try_from(gone).is_ok_and(|gone| gone < AT_ONCE) {
            return Ok(());
        }
        tokio::time::sleep(BREATH).await;
    }
}

impl FromRow for Ended {
    fn from_row(row: &store::Row) -> Result<Self> {
        let open = row.text("open")?.split(',').filter_map(|xid| xid.parse().ok()).collect();
        Ok(Self { next: row.int("next")?, open })
    }
}

impl FromRow for Row {
    fn from_row(row: &store::Row) -> Result<Self> {
        let organization = row.text("organization")?;
        let is_tenant = !organization.is_empty();
        let tables = row.text("tables")?;
        let tables = tables.split(',').map(|name| Table { name: name.into(), is_tenant });
        Ok(Self {
            xid: row.int("xid")?,
            tables: tables.collect(),
            organization: is_tenant.then(|| OrgId::parse(&organization)).transpose()?,
            ts: u64::try_from(row.int("ts")?).unwrap_or_default(),
        })
    }
}
