//! The commits of other nodes, on PostgreSQL: rows of `changes`, which every transaction writes along with its changes.
//!
//! The rows are the truth; a notification only says that it is time to look. It is sent outside of the transaction and
//! for several at a time, because PostgreSQL makes transactions that notify commit one at a time.
//!
//! Old rows are deleted, and the newest transaction of which a row was deleted is written down. A node that has not read
//! that far, because it was cut off for longer than rows are kept, has missed commits: it runs every subscription again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use kernel::{Error, OrgId, Result, Scope};
use store::{Commit, Db, Engine, FromRow, Isolation, Listener, Table, Tx};
use tokio::{
    sync::{Notify, OnceCell},
    time::MissedTickBehavior,
};

use super::Hub;
use crate::timestamps::Timestamps;

/// The channel of the notifications.
const CHANNEL: &str = "trunkline_changes";
/// The least time between two looks.
const BREATH: Duration = Duration::from_millis(10);
/// How long to wait before a connection that was lost is made anew.
const RECONNECT: Duration = Duration::from_secs(1);
/// How often old rows are looked for, and how many go at once.
const CLEANING: Duration = Duration::from_secs(60);
const AT_ONCE: i64 = 500;
/// Tables that are written more often than all others, and that hardly any query reads: commits do not record that they
/// wrote them. What is read from them is run again every [`super::LiveOptions::quiet_poll`].
const QUIET: [&str; 13] = [
    "changes",
    "crons",
    "cursors",
    "deleted_changes",
    "event_batches",
    "event_keys",
    "inbox_events",
    "jobs",
    "nodes",
    "replays",
    "reserved_timestamps",
    "route_waits",
    "trunkline_migrations",
];

/// How far this node has read the commits.
#[derive(Default)]
pub(super) struct ChangeFeed {
    announced: Mutex<Announced>,
    begun: OnceCell<()>,
    /// This node committed.
    committed: Notify,
}

/// What the subscriptions of this node have heard of.
#[derive(Clone, Default)]
struct Announced {
    /// The commits of these transactions, and no others.
    seen: SeenTransactions,
    /// The newest transaction of which a row had been deleted.
    deleted: i64,
}

/// The transactions that a snapshot shows: all before `next` that are not among `open`.
///
/// A number is given to a transaction at its first write and shows when it commits, so rows do not appear in the order of
/// their numbers. One long transaction keeps nothing back but itself.
#[derive(Clone, Default)]
pub(super) struct SeenTransactions {
    next: i64,
    open: Vec<i64>,
}

impl SeenTransactions {
    /// Whether it shows what this one wrote.
    pub(super) fn includes(&self, xid: i64) -> bool {
        xid < self.next && !self.open.contains(&xid)
    }
}

/// What a commit wrote, as it is recorded.
pub(super) struct RecordedCommit {
    /// The number of the transaction.
    pub(super) xid: i64,
    pub(super) tables: BTreeSet<Table>,
    organization: Option<OrgId>,
    ts: u64,
}

impl ChangeFeed {
    /// Begins with what is committed now. Nothing can be shown before.
    pub(super) async fn begin(&self, db: &Db) -> Result<()> {
        let first = || async {
            let now = db.read(&Scope::System, |tx| Box::pin(present(tx))).await?;
            *self.lock() = now;
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

    /// Whether the subscriptions have heard of what this transaction wrote.
    pub(super) fn was_announced(&self, xid: i64) -> bool {
        self.lock().seen.includes(xid)
    }

    /// Which transactions this snapshot shows; and commits in it that concern an organization and that were not announced.
    /// From then on a statement of the transaction may run no longer than `limit`.
    pub(super) async fn news(
        &self,
        tx: &mut Tx,
        organization: Option<&OrgId>,
        limit: Duration,
    ) -> Result<(SeenTransactions, Vec<RecordedCommit>)> {
        let known = self.lock().seen.clone();
        let rows = tx
            .system(
                "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next,
                     array_to_string(array(select pg_snapshot_xip(pg_current_snapshot())::text), ',') as open,
                     changes.xid, changes.organization, changes.tables, changes.ts
                 from (select set_config('statement_timeout', $4, true)) as limited (by)
                 left join changes on (xid >= $1 or xid = any($2)) and organization in ('', $3)
                     and xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
            )
            .bind(known.next)
            .bind(known.open)
            .bind(organization.map_or("", |id| id.as_str()))
            .bind(milliseconds(limit));
        let rows = rows.rows().await?;
        let shown = rows.first().map(SeenTransactions::from_row).ok_or_else(nameless)??;
        let mut news = Vec::new();
        for row in rows {
            if row.opt_int("xid")?.is_some_and(|xid| !self.was_announced(xid)) {
                news.push(RecordedCommit::from_row(&row)?);
            }
        }
        Ok((shown, news))
    }

    /// From now on a statement of this transaction may run no longer than this.
    pub(super) async fn limit(&self, tx: &mut Tx, limit: Duration) -> Result<()> {
        let limited = tx.system("select set_config('statement_timeout', $1, true)").bind(milliseconds(limit));
        limited.rows().await.map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, Announced> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announced {
    /// Whether rows were deleted by `now` that had not been read. A transaction that was open the last time may have ended
    /// and its row be deleted since; when none was deleted, it has not.
    fn has_missed(&self, now: &Self) -> bool {
        let is_ours = now.deleted < now.seen.next;
        let unread = self.seen.open.iter().copied().chain([self.seen.next]).min().unwrap_or_default();
        is_ours && now.deleted > self.deleted && now.deleted >= unread
    }
}

/// As PostgreSQL takes it; at least one, because zero is no limit.
fn milliseconds(limit: Duration) -> String {
    format!("{}ms", limit.as_millis().max(1))
}

fn is_news(table: &Table) -> bool {
    !is_quiet(table)
}

/// Whether commits do not record that they wrote this table.
pub(super) fn is_quiet(table: &Table) -> bool {
    QUIET.contains(&table.whole())
}

/// Runs again, from time to time, what is read from tables whose changes nobody records; until it is aborted.
pub(super) async fn poll_quiet(hub: Arc<Hub>) {
    let mut tick = tokio::time::interval(hub.options.quiet_poll);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        for tenant in hub.all_tenants() {
            let read: BTreeSet<_> = tenant.lock().refresh.tables().filter(|table| is_quiet(table)).cloned().collect();
            if !read.is_empty() {
                tenant.hear(&hub, &read, None);
            }
        }
    }
}

/// Makes every transaction of this process record which tables it writes, for the nodes. A process that serves live queries
/// does so anyway; one that only writes has to call this.
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

/// Records one row for an organization's tables, one for the installation's. Returns the number of the transaction.
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

/// Wakes the other nodes after commits of this one, until it is aborted.
pub(super) async fn announce(hub: Arc<Hub>) {
    let Some(feed) = &hub.feed else { return };
    loop {
        feed.committed.notified().await;
        let notify = store::work(|tx| {
            Box::pin(async move { tx.system("select pg_notify($1, '')").bind(CHANNEL).rows().await.map(drop) })
        });
        if let Err(error) = hub.operations.db().write_at(Isolation::Statement, &Scope::System, notify).await {
            tracing::debug!(?error, "other nodes were not woken: they will look by themselves");
        }
        tokio::time::sleep(hub.options.gather).await;
    }
}

/// Announces the commits of other nodes here, until it is aborted.
pub(super) async fn follow(hub: Arc<Hub>) {
    let Some(feed) = &hub.feed else { return };
    loop {
        let mut listener = hub.operations.db().listen(CHANNEL).await;
        let mut is_connected = listener.is_connected();
        // What was announced while nobody listened is found by looking.
        loop {
            if let Err(error) = look(&hub, feed).await {
                tracing::warn!(?error, "the commits of other nodes could not be read");
            }
            if !is_connected {
                tokio::time::sleep(hub.options.poll.min(RECONNECT)).await;
                break;
            }
            is_connected = wait(&mut listener, hub.options.poll).await;
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

/// Announces the commits since the last time.
async fn look(hub: &Arc<Hub>, feed: &ChangeFeed) -> Result<()> {
    let db = hub.operations.db();
    feed.begin(db).await?;
    let known = feed.lock().clone();
    let seen = known.seen.clone();
    let (now, commits) = db.read(&Scope::System, |tx| Box::pin(since(tx, seen))).await?;
    if known.has_missed(&now) {
        tracing::warn!("this node was cut off for longer than changes are kept: it runs all live queries again");
        hub.invalidate_all();
    }
    for commit in commits {
        hub.operations.timestamps().observe(commit.ts);
        hub.tell(commit.organization.as_ref(), &commit.tables, Some(commit.xid));
    }
    // Last: what a refresh takes for announced must be pending.
    *feed.lock() = now;
    Ok(())
}

/// What this snapshot shows, and what was committed in it that an earlier one did not show.
async fn since(tx: &mut Tx, known: SeenTransactions) -> Result<(Announced, Vec<RecordedCommit>)> {
    let now = present(tx).await?;
    let rows = tx
        .system("select xid, organization, tables, ts from changes where (xid >= $1 or xid = any($2)) and xid < $3")
        .bind(known.next)
        .bind(known.open)
        // What has a greater number comes from another server, and was restored here.
        .bind(now.seen.next);
    Ok((now, rows.all().await?))
}

async fn present(tx: &mut Tx) -> Result<Announced> {
    let row = tx
        .system(
            "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next,
                 array_to_string(array(select pg_snapshot_xip(pg_current_snapshot())::text), ',') as open,
                 coalesce((select xid from deleted_changes), 0) as deleted",
        )
        .row()
        .await?
        .ok_or_else(nameless)?;
    Ok(Announced { seen: SeenTransactions::from_row(&row)?, deleted: row.int("deleted")? })
}

fn nameless() -> Error {
    Error::internal("snapshot_unknown", "PostgreSQL does not name its snapshot")
}

/// Deletes old rows, until it is aborted.
pub(super) async fn clean(hub: Arc<Hub>) {
    let mut tick = tokio::time::interval(CLEANING);
    loop {
        tick.tick().await;
        if let Err(error) = forget(&hub).await {
            tracing::warn!(?error, "old changes could not be removed");
        }
    }
}

async fn forget(hub: &Hub) -> Result<()> {
    let old = hub.operations.world().now() - hub.options.keep;
    loop {
        let delete = store::work(move |tx| {
            Box::pin(async move {
                tx.system(
                    "with present as (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next),
                     gone as (
                         delete from changes where seq in (
                             select seq from (select seq, created_ms from changes order by seq limit $2) as oldest
                             where created_ms < $1)
                         returning xid),
                     noted as (
                         insert into deleted_changes (one, xid)
                         select 1, max(xid) from gone where xid < (select next from present) having count(*) > 0
                         on conflict (one) do update set xid = excluded.xid
                         where deleted_changes.xid < excluded.xid or deleted_changes.xid >= (select next from present))
                     select count(*) as gone from gone",
                )
                .bind(old)
                .bind(AT_ONCE)
                .row()
                .await?
                .map_or(Ok(0), |row| row.int("gone"))
            })
        });
        let gone = hub.operations.db().write_at(Isolation::Statement, &Scope::System, delete).await?;
        if gone < AT_ONCE {
            return Ok(());
        }
        tokio::time::sleep(BREATH).await;
    }
}

impl FromRow for SeenTransactions {
    fn from_row(row: &store::Row) -> Result<Self> {
        let open = row.text("open")?.split(',').filter_map(|xid| xid.parse().ok()).collect();
        Ok(Self { next: row.int("next")?, open })
    }
}

impl FromRow for RecordedCommit {
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
