//! A refresh: one snapshot, in which subscriptions of an organization run again whose answers may have changed.

use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use kernel::{Code, Error, Result, Scope};
use store::{Engine, Reads, Table, Tx};
use tokio::{sync::Notify, time::Instant};

use super::{
    Hub, Shown, audience,
    changes::{RecordedCommit, SeenTransactions},
    slice::{QUANTUM, Slice},
    state::{Reader, Seen},
    subscription, suspension,
    tenant::{State, Tenant},
    turns::Turn,
    viewer::Resolution,
};
use crate::operation::{Answer, Caller, QueryRequest, Who};

/// How long to wait before a refresh that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Who somebody is may change with time alone: it is found out again when it is older than this.
const TRUSTED: Duration = Duration::from_secs(30);
/// For how many viewers of a refresh at most: in an organization with thousands of them, the others wait for it.
const RENEWED: usize = 16;

/// Refreshes until there is nothing to do, or nobody to do it for.
pub(super) async fn run(hub: Arc<Hub>, tenant: Arc<Tenant>) {
    loop {
        let (requested, slice) = {
            let mut state = tenant.lock();
            state.refresh.take_on();
            (state.refresh.requested(), state.slice(&hub))
        };
        let Some(turn) = hub.turns.wait(slice.is_long).await else { return };
        hub.installation.begin_refresh(&tenant);
        let ended = AssertUnwindSafe(refresh(&hub, &tenant, turn)).catch_unwind().await;
        hub.installation.end_refresh(&tenant);
        let ended = ended.unwrap_or_else(|_| Err(Error::internal("live_panicked", "refreshing live queries panicked")));
        let has_failed = ended.is_err();
        if let Err(error) = ended {
            tracing::warn!(?error, "live queries could not be refreshed");
            tenant.lock().refresh.fail(requested, error);
        }
        tenant.progress.notify_waiters();
        if has_failed {
            tokio::time::sleep(PAUSE).await;
        } else {
            // Those who were woken look at this moment before the next one begins.
            tokio::task::yield_now().await;
        }
        let mut state = tenant.lock();
        let is_watched = state.views > 0;
        if state.refresh.rest(is_watched) {
            return;
        }
    }
}

/// A viewer who is to be resolved.
struct Doubt {
    credentials: Arc<str>,
    number: u64,
    version: u64,
    who: Who,
}

struct Resolved {
    doubt: Doubt,
    caller: Result<Caller>,
    reads: BTreeSet<Table>,
}

/// A subscription that runs, on behalf of somebody who may see its answer.
struct Run {
    id: u64,
    version: u64,
    query: QueryRequest,
    caller: Arc<Caller>,
    is_fragile: bool,
}

struct Found {
    id: u64,
    version: u64,
    shown: Shown,
    reads: BTreeSet<Table>,
    took: Duration,
    is_fragile: bool,
}

/// What a snapshot showed. It is kept outside of the transaction, which may be cut off.
#[derive(Default)]
struct Outcome {
    slice: Option<Slice>,
    found: Vec<Found>,
    /// What took too long, and where it was read from until then. The transaction ends with it.
    slow: Option<(u64, Option<String>, Error)>,
    /// Whether there was no time for the rest.
    was_cut: bool,
}

async fn refresh(hub: &Arc<Hub>, tenant: &Arc<Tenant>, turn: Turn) -> Result<()> {
    if let Some(feed) = &hub.feed {
        feed.begin(hub.operations.db()).await?;
    }
    match snapshot(hub, tenant, turn, false).await {
        // One query broke the transaction for all: the next time each has its own savepoint.
        Ok(Some(turn)) => snapshot(hub, tenant, turn, true).await.map(drop),
        ended => ended.map(drop),
    }
}

/// One snapshot. Gives its turn back when a query broke the transaction, and nothing is known of what else it would have shown.
async fn snapshot(hub: &Arc<Hub>, tenant: &Arc<Tenant>, turn: Turn, is_careful: bool) -> Result<Option<Turn>> {
    // Whatever has this timestamp or an earlier one is committed, and was heard. Nobody waits for what is being committed.
    let ts = hub.operations.timestamps().settled(tenant.organization.as_ref());
    tenant.lock().refresh.begin();
    let scope = tenant.organization.clone().map_or(Scope::System, Scope::Organization);
    let outcome = Arc::new(Mutex::new(Outcome::default()));
    let within = (hub.clone(), tenant.clone(), outcome.clone());
    let read = hub.operations.db().read(&scope, |tx| {
        Box::pin(async move {
            let (hub, tenant, outcome) = within;
            let shown = fix(tx, &hub, &tenant).await?;
            let doubts = invalidate(&hub, &tenant, shown);
            let resolved = resolve(tx, &hub, doubts).await?;
            settle_viewers(&hub, &tenant, resolved);
            let (slice, runs) = plan(&hub, &tenant);
            lock(&outcome).slice = Some(slice);
            run_all(tx, &hub, runs, turn, is_careful, &outcome).await
        })
    });
    let ended = read.await;
    let outcome = std::mem::take(&mut *lock(&outcome));
    match ended {
        Ok(()) => {}
        Err(error) if error.tag == CUT => {}
        Err(error) if error.tag == BROKEN && !is_careful => return Ok(hub.turns.wait(true).await),
        Err(error) => return Err(error),
    }
    publish(hub, tenant, outcome, ts);
    Ok(None)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fixes the moment of the snapshot, and how long a statement may run in it. On PostgreSQL, answers which transactions it
/// shows, and the commits in it that this node may not have heard of.
async fn fix(tx: &mut Tx, hub: &Hub, tenant: &Tenant) -> Result<Option<(SeenTransactions, Vec<RecordedCommit>)>> {
    match &hub.feed {
        Some(feed) => feed.news(tx, tenant.organization.as_ref(), hub.options.query_limit).await.map(Some),
        // SQLite's snapshot is that of the first statement. Commits of this process are heard of before they are made; what a
        // command wrote to the file may be in some answers of the moment and not in others, until the file is looked at.
        None => tx.system("select name from reserved_timestamps").rows().await.map(|_| None),
    }
}

/// Invalidates what the snapshot shows besides, so that all answers are of its moment; then answers which viewers are to be
/// resolved.
fn invalidate(hub: &Hub, tenant: &Tenant, shown: Option<(SeenTransactions, Vec<RecordedCommit>)>) -> Vec<Doubt> {
    let mut guard = tenant.lock();
    let state = &mut *guard;
    let in_flight = hub.in_flight.tables(tenant.organization.as_ref());
    match (&hub.feed, shown) {
        (Some(feed), Some((shown, commits))) => {
            let unannounced = commits.into_iter().map(|commit| (commit.xid, commit.tables)).collect();
            let seen = Seen { in_flight, unannounced };
            state.refresh.snapshot(seen, |xid| shown.includes(xid), |xid| feed.was_announced(xid));
        }
        _ => state.refresh.snapshot(Seen { in_flight, unannounced: Vec::new() }, |_| false, |_| false),
    }
    let now = hub.operations.world().now();
    let old = state.viewers.values().filter(|viewer| now.since(viewer.resolved_at) > TRUSTED);
    let old: Vec<_> = old.filter(|viewer| !state.is_in_doubt(viewer)).take(RENEWED).map(|one| one.number).collect();
    old.into_iter().for_each(|number| state.refresh.invalidate(Reader::Viewer(number)));
    let doubtful = state.viewers.iter().filter(|(_, viewer)| state.is_in_doubt(viewer));
    let doubts = doubtful.map(|(credentials, viewer)| Doubt {
        credentials: credentials.clone(),
        number: viewer.number,
        version: state.refresh.version(Reader::Viewer(viewer.number)),
        who: viewer.who.clone(),
    });
    doubts.collect()
}

/// Finds out who they are.
async fn resolve(tx: &mut Tx, hub: &Hub, doubts: Vec<Doubt>) -> Result<Vec<Resolved>> {
    let mut resolved = Vec::with_capacity(doubts.len());
    for doubt in doubts {
        tx.take_reads();
        let caller = hub.operations.resolve(tx, &doubt.who).await;
        if let Err(error) = caller.as_ref()
            && matches!(error.code, Code::Unavailable | Code::Internal)
        {
            return caller.map(|_| Vec::new());
        }
        resolved.push(Resolved { doubt, caller, reads: tx.take_reads().tables });
    }
    Ok(resolved)
}

/// Notes who the viewers are.
fn settle_viewers(hub: &Hub, tenant: &Arc<Tenant>, resolved: Vec<Resolved>) {
    if resolved.is_empty() {
        return;
    }
    let now = hub.operations.world().now();
    let mut woken = Vec::new();
    let mut guard = tenant.lock();
    let state = &mut *guard;
    for Resolved { doubt, caller, reads } in resolved {
        let Some(viewer) = state.viewers.get_mut(&doubt.credentials) else { continue };
        if viewer.number != doubt.number {
            continue;
        }
        let resolution = match caller {
            Ok(caller) => Resolution::Caller { audience: audience::reach(&caller), caller: Arc::new(caller) },
            Err(error) => Resolution::Refused(Arc::new(error)),
        };
        viewer.resolved_at = now;
        if !viewer.resolution.is_same(&resolution) {
            woken.extend(viewer.watchers.values().cloned());
            // What only they see may depend on everything that they are.
            let own = state.subscriptions.iter().filter(|(_, one)| one.audience == doubt.credentials);
            own.for_each(|(id, _)| state.refresh.invalidate(Reader::Subscription(*id)));
        }
        viewer.resolution = resolution;
        viewer.expire(hub, tenant, &doubt.credentials);
        let interest = state.refresh.read(Reader::Viewer(doubt.number), doubt.version, &reads);
        tenant.note(hub, &interest);
    }
    // Somebody may be there now for what nobody could run.
    state.refresh.unpark();
    drop(guard);
    wake(woken);
}

/// What runs, each on behalf of somebody who may see it.
fn plan(hub: &Hub, tenant: &Tenant) -> (Slice, Vec<Run>) {
    let now = hub.operations.world().now();
    let mut guard = tenant.lock();
    let state = &mut *guard;
    let slice = state.slice(hub);
    let callers = callers_of(state, &slice, now);
    let (mut runs, mut orphans) = (Vec::with_capacity(slice.ids.len()), Vec::new());
    for id in &slice.ids {
        let Some(subscription) = state.subscriptions.get(id) else { continue };
        match callers.get(&subscription.audience) {
            Some(caller) => runs.push(Run {
                id: *id,
                version: state.refresh.version(Reader::Subscription(*id)),
                query: subscription.request.to_query(),
                caller: caller.clone(),
                is_fragile: subscription.is_fragile,
            }),
            None => orphans.push(*id),
        }
    }
    orphans.into_iter().for_each(|id| state.refresh.park(Reader::Subscription(id)));
    (slice, runs)
}

fn callers_of(state: &State, slice: &Slice, now: kernel::Time) -> HashMap<Arc<str>, Arc<Caller>> {
    let audiences = slice.ids.iter().filter_map(|id| Some(state.subscriptions.get(id)?.audience.clone()));
    state.callers(audiences.collect(), now)
}

/// A transaction in which no statement runs any more.
const BROKEN: &str = "live_transaction_broken";
/// A transaction that is left because something takes too long in it. What was found before is kept.
const CUT: &str = "live_transaction_cut";

async fn run_all(
    tx: &mut Tx,
    hub: &Hub,
    runs: Vec<Run>,
    mut turn: Turn,
    is_careful: bool,
    outcome: &Mutex<Outcome>,
) -> Result<()> {
    let began = Instant::now();
    for (number, run) in runs.into_iter().enumerate() {
        if number > 0 && began.elapsed() > QUANTUM && !turn.lengthen() {
            lock(outcome).was_cut = true;
            return Ok(());
        }
        run_one(tx, hub, run, is_careful, outcome).await?;
    }
    Ok(())
}

async fn run_one(tx: &mut Tx, hub: &Hub, run: Run, is_careful: bool, outcome: &Mutex<Outcome>) -> Result<()> {
    let Run { id, version, query, caller, is_fragile } = run;
    let is_guarded = (is_careful || is_fragile) && tx.engine() == Engine::Postgres;
    if is_guarded {
        tx.system("savepoint one").execute().await?;
    }
    tx.take_reads();
    let (began, operation, journal) = (Instant::now(), query.operation.clone(), query.journal.clone());
    let answer = limited(tx, hub, &caller, query, hub.options.query_limit).await;
    let took = began.elapsed();
    hub.note_cost(&operation, took);
    let mut answer = match answer {
        // Not its fault: everything is tried again.
        Err(error) if store::is_down(&error) || (is_cut_off(&error) && took < hub.options.query_limit / 2) => {
            return Err(error);
        }
        Err(error) => {
            tracing::warn!(operation, ?took, "a live query took too long and is left out for a while");
            let error = if is_cut_off(&error) { suspension::too_slow(hub.options.query_limit) } else { error };
            lock(outcome).slow = Some((id, journal, error));
            return Err(Error::internal(CUT, "a live query took too long"));
        }
        Ok(answer) => answer,
    };
    let is_broken = match (tx.engine(), is_guarded) {
        (Engine::Sqlite, _) => false,
        (Engine::Postgres, true) => close(tx, answer.outcome.is_err()).await?,
        (Engine::Postgres, false) if answer.outcome.is_err() => {
            // PostgreSQL answers nothing any more in a transaction in which a statement failed.
            if tx.system("select 1 as alive").rows().await.is_err() {
                return Err(Error::internal(BROKEN, "a live query broke the snapshot of its organization"));
            }
            false
        }
        (Engine::Postgres, false) => false,
    };
    let shown = subscription::shown(&mut answer, journal);
    lock(outcome).found.push(Found { id, version, shown, reads: answer.reads.tables, took, is_fragile: is_broken });
    Ok(())
}

/// Runs a query, but for no longer than this.
///
/// # Errors
/// `Unavailable` when it takes longer, when the database does not answer, and when the query itself says so.
pub(super) async fn limited(
    tx: &mut Tx,
    hub: &Hub,
    caller: &Caller,
    query: QueryRequest,
    limit: Duration,
) -> Result<Answer> {
    let answer = AssertUnwindSafe(hub.operations.answer_to(tx, caller, query)).catch_unwind();
    match tokio::time::timeout(limit, answer).await {
        Err(_) => Err(suspension::too_slow(limit)),
        Ok(Err(_)) => Ok(panicked(tx.take_reads())),
        Ok(Ok(Answer { outcome: Err(error), .. })) if error.code == Code::Unavailable => Err(error),
        Ok(Ok(answer)) => Ok(answer),
    }
}

/// Whether the database has ended a statement before it was done.
fn is_cut_off(error: &Error) -> bool {
    error.code == Code::Unavailable && error.tag == "database_slow"
}

/// Ends a savepoint. Whether the statements in it had broken the transaction.
async fn close(tx: &mut Tx, has_failed: bool) -> Result<bool> {
    if !has_failed && tx.system("release savepoint one").execute().await.is_ok() {
        return Ok(false);
    }
    let is_broken = tx.system("select 1 as alive").rows().await.is_err();
    tx.system("rollback to savepoint one").execute().await?;
    Ok(is_broken)
}

fn panicked(reads: Reads) -> Answer {
    let error = Error::internal("query_panicked", "the query has a defect: see the log");
    Answer { outcome: Err(error), journal: None, reads }
}

/// Moves the organization to the moment of the snapshot, and wakes whoever has something to see.
fn publish(hub: &Arc<Hub>, tenant: &Arc<Tenant>, outcome: Outcome, ts: u64) {
    let mut woken = Vec::new();
    let mut guard = tenant.lock();
    let state = &mut *guard;
    if let Some(slice) = &outcome.slice {
        state.took(slice, outcome.was_cut);
    }
    for Found { id, version, shown, reads, took, is_fragile } in outcome.found {
        let Some(subscription) = state.subscriptions.get_mut(&id) else { continue };
        subscription.is_fragile = is_fragile;
        subscription.strikes = 0;
        // The mean of the last few: one slow run says little.
        subscription.cost = Some(subscription.cost.map_or(took, |known| (known * 3 + took) / 4));
        woken.extend(state.show(id, shown));
        let interest = state.refresh.read(Reader::Subscription(id), version, &reads);
        tenant.note(hub, &interest);
    }
    if let Some((id, journal, error)) = outcome.slow {
        woken.extend(state.show(id, Shown::error(error, journal)));
        suspension::suspend(hub, tenant, state, id);
    }
    state.refresh.finish(ts);
    drop(guard);
    wake(woken);
}

pub(super) fn wake(woken: Vec<Arc<Notify>>) {
    for view in woken {
        view.notify_one();
    }
}
