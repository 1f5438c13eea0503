//! A round: one snapshot, in which a room asks again whatever may have another answer now.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use kernel::{Code, Error, Result, Scope, Time};
use store::{Engine, Reads, Table, Tx};
use tokio::{sync::Notify, time::Instant};

use super::{
    Inner, Shown,
    following::{Ended, Row},
    party,
    room::{Room, Since, Standing, State},
    shared,
};
use crate::operation::{Answer, Asked, Caller, Who};

/// A query that takes longer holds up its organization, and is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);
/// How long to wait before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Who somebody is may change with time alone: it is found out again when it is older than this.
const TRUSTED: Duration = Duration::from_secs(30);
/// For how many at a time: in an organization with thousands of people, those who wait for an answer do not wait for that.
const RENEWED: usize = 16;

/// Works until there is nothing to do, or nobody to do it for.
pub(super) async fn work(inner: Arc<Inner>, room: Arc<Room>) {
    loop {
        let began = room.lock().marked;
        // Whoever waits for a commit to get through keeps nobody from working.
        let now = inner.operations.timestamps().next();
        inner.operations.timestamps().settle(room.organization.as_ref(), now).await;
        let Ok(permit) = inner.at_once.acquire().await else { return };
        let ended = AssertUnwindSafe(round(&inner, &room)).catch_unwind().await;
        drop(permit);
        let ended =
            ended.unwrap_or_else(|_| Err(Error::internal("live_panicked", "keeping answers up to date failed")));
        let is_to_pause = match ended {
            Ok(again) => again,
            Err(error) => {
                tracing::warn!(?error, "live queries could not be asked");
                room.lock().failed = Some((began, Arc::new(error)));
                true
            }
        };
        room.progress.notify_waiters();
        if is_to_pause {
            tokio::time::sleep(PAUSE).await;
        }
        let mut state = room.lock();
        if is_to_pause && state.done == state.marked {
            state.marked += 1;
        }
        if state.views == 0 || state.done == state.marked {
            state.is_running = false;
            return;
        }
    }
}

/// Somebody whose standing is to be found out.
struct Doubt {
    person: Arc<str>,
    who: Who,
    doubts: u64,
}

struct Resolved {
    doubt: Doubt,
    caller: Result<Caller>,
    reads: BTreeSet<Table>,
}

/// A shared query that is to be asked, as somebody who may see it.
struct Asking {
    id: u64,
    asked: Asked,
    caller: Arc<Caller>,
    is_fragile: bool,
}

struct Found {
    id: u64,
    shown: Shown,
    reads: BTreeSet<Table>,
    is_fragile: bool,
}

/// Everything that one snapshot showed.
struct Round {
    /// Whether something was written meanwhile that nobody was known to read.
    is_overtaken: bool,
    found: Vec<Found>,
}

/// Whether something has to be tried again in a while.
async fn round(inner: &Arc<Inner>, room: &Arc<Room>) -> Result<bool> {
    if let Some(following) = &inner.following {
        following.begin(inner.operations.db()).await?;
    }
    match snapshot(inner, room, false).await {
        // One query broke the transaction for all: the next time each has its own savepoint.
        Err(error) if error.tag == BROKEN => snapshot(inner, room, true).await,
        ended => ended,
    }
}

async fn snapshot(inner: &Arc<Inner>, room: &Arc<Room>, is_careful: bool) -> Result<bool> {
    let ts = inner.operations.timestamps().next();
    inner.operations.timestamps().settle(room.organization.as_ref(), ts).await;
    let (marked, since) = begin(inner, room);
    let scope = room.organization.clone().map_or(Scope::System, Scope::Organization);
    let (asking_inner, asking_room) = (inner.clone(), room.clone());
    let read = inner.operations.db().read(&scope, |tx| {
        Box::pin(async move {
            let (inner, room) = (asking_inner, asking_room);
            let shown = fix(tx, &inner, &room).await?;
            let doubts = doubts(&inner, &room, shown);
            let resolved = resolve(tx, &inner, doubts).await?;
            let (asking, is_overtaken) = seat(&inner, &room, resolved, since);
            Ok(Round { is_overtaken, found: ask(tx, &inner, asking, is_careful).await? })
        })
    });
    let round = read.await?;
    Ok(publish(inner, room, round, since, (marked, ts)))
}

/// Takes on what is to be done so far: the snapshot that follows shows all of it.
fn begin(inner: &Inner, room: &Room) -> (u64, Since) {
    let mut state = room.lock();
    let state = &mut *state;
    let mut written = std::mem::take(&mut state.pending);
    written.extend(state.told.drain().flat_map(|(_, tables)| tables));
    state.touch(&written);
    (state.marked, Since { heard: state.heard, installation: inner.installation.count() })
}

/// Fixes the moment of the snapshot. On PostgreSQL, answers which transactions it shows, and the commits in it that this node
/// may not have heard of.
async fn fix(tx: &mut Tx, inner: &Inner, room: &Room) -> Result<Option<(Ended, Vec<Row>)>> {
    match &inner.following {
        Some(following) => following.news(tx, room.organization.as_ref()).await.map(Some),
        // SQLite's snapshot is that of the first statement. Commits of this process are heard of before they are made; what a
        // command wrote to the file may be in some answers of the moment and not in others, until the file is looked at.
        None => tx.system("select name from reserved_timestamps").rows().await.map(|_| None),
    }
}

/// What the snapshot shows besides is taken on too, so that all answers are of its moment; then answers whose standing is
/// in doubt. What was heard after the beginning stays pending unless it is known that the snapshot shows it.
fn doubts(inner: &Inner, room: &Room, shown: Option<(Ended, Vec<Row>)>) -> Vec<Doubt> {
    let mut state = room.lock();
    let state = &mut *state;
    let mut touched = inner.coming.tables(room.organization.as_ref());
    touched.extend(state.pending.iter().cloned());
    if let (Some(following), Some((shown, rows))) = (&inner.following, shown) {
        let taken = state.told.extract_if(|number, _| shown.includes(*number));
        touched.extend(taken.flat_map(|(_, tables)| tables));
        state.ahead.retain(|number| !following.knows(*number));
        // What was told meanwhile is among those.
        let is_new = |row: &Row| !following.knows(row.xid) && !state.ahead.contains(&row.xid);
        let news: Vec<_> = rows.into_iter().filter(is_new).collect();
        state.ahead.extend(news.iter().map(|row| row.xid));
        touched.extend(news.into_iter().flat_map(|row| row.tables));
    }
    state.touch(&touched);
    let now = inner.operations.world().now();
    let (mut doubts, mut renewed) = (Vec::new(), 0);
    for (person, seat) in &mut state.seats {
        if !seat.is_in_doubt() && renewed < RENEWED && now.since(seat.resolved_at) > TRUSTED {
            seat.doubts += 1;
            renewed += 1;
        }
        if seat.is_in_doubt() {
            doubts.push(Doubt { person: person.clone(), who: seat.who.clone(), doubts: seat.doubts });
        }
    }
    doubts
}

/// Finds out who they are.
async fn resolve(tx: &mut Tx, inner: &Inner, doubts: Vec<Doubt>) -> Result<Vec<Resolved>> {
    let mut resolved = Vec::with_capacity(doubts.len());
    for doubt in doubts {
        tx.take_reads();
        let caller = inner.operations.resolve(tx, &doubt.who).await;
        if let Err(error) = caller.as_ref()
            && matches!(error.code, Code::Unavailable | Code::Internal)
        {
            return caller.map(|_| Vec::new());
        }
        resolved.push(Resolved { doubt, caller, reads: tx.take_reads().tables });
    }
    Ok(resolved)
}

/// Gives everybody their standing, and each question somebody who may ask it.
fn seat(inner: &Inner, room: &Arc<Room>, resolved: Vec<Resolved>, since: Since) -> (Vec<Asking>, bool) {
    let now = inner.operations.world().now();
    let (mut woken, mut is_overtaken) = (Vec::new(), false);
    let mut state = room.lock();
    let state = &mut *state;
    for Resolved { doubt, caller, reads } in resolved {
        let Some(seat) = state.seats.get_mut(&doubt.person) else { continue };
        let standing = match caller {
            Ok(caller) => Standing::Is { reach: party::reach(&caller), caller: Arc::new(caller) },
            Err(error) => Standing::Nobody(Arc::new(error)),
        };
        seat.resolved = doubt.doubts;
        seat.resolved_at = now;
        if !is_same_caller(&seat.standing, &standing) {
            woken.extend(seat.watchers.values().cloned());
            // What only they see may depend on everything that they are.
            let own = state.shared.values_mut().filter(|shared| shared.party == doubt.person);
            own.for_each(|shared| shared.is_dirty = true);
        }
        seat.standing = standing;
        seat.expire(inner, room, &doubt.person);
        let before = std::mem::replace(&mut seat.reads, reads.clone());
        is_overtaken |= state.change_interest(inner, room, (&before, &reads), since);
    }
    wake(woken);
    let callers = callers(state, now);
    let dirty = state.shared.iter().filter(|(_, shared)| shared.is_dirty);
    let asking = dirty.filter_map(|(id, shared)| {
        let caller = callers.get(&shared.party)?.clone();
        Some(Asking { id: *id, asked: shared.asked.clone(), caller, is_fragile: shared.is_fragile })
    });
    (asking.collect(), is_overtaken)
}

/// Somebody for each party that has something to ask.
fn callers(state: &State, now: Time) -> HashMap<Arc<str>, Arc<Caller>> {
    let dirty = state.shared.values().filter(|shared| shared.is_dirty);
    let mut parties: HashSet<_> = dirty.map(|shared| &shared.party).collect();
    let mut callers = HashMap::new();
    for (person, seat) in &state.seats {
        if parties.is_empty() {
            break;
        }
        let has_expired = seat.who.identity.expires_at().is_some_and(|end| end <= now);
        let (Standing::Is { caller, reach }, false) = (&seat.standing, has_expired || seat.is_in_doubt()) else {
            continue;
        };
        for party in [person, reach] {
            if parties.remove(party) {
                callers.insert(party.clone(), caller.clone());
            }
        }
    }
    callers
}

fn is_same_caller(one: &Standing, other: &Standing) -> bool {
    match (one, other) {
        // Which of a party's tokens was resolved says nothing.
        (Standing::Is { caller: one, .. }, Standing::Is { caller: other, .. }) => {
            let known = |caller: &Caller| (caller.organization.clone(), caller.member.clone(), caller.key_role);
            known(one) == known(other)
        }
        (Standing::Nobody(_) | Standing::Unknown | Standing::Is { .. }, _) => false,
    }
}

/// A transaction in which no statement runs any more.
const BROKEN: &str = "live_transaction_broken";

async fn ask(tx: &mut Tx, inner: &Inner, asking: Vec<Asking>, is_careful: bool) -> Result<Vec<Found>> {
    let mut found = Vec::with_capacity(asking.len());
    for Asking { id, asked, caller, is_fragile } in asking {
        let is_guarded = (is_careful || is_fragile) && tx.engine() == Engine::Postgres;
        if is_guarded {
            tx.system("savepoint one").execute().await?;
        }
        tx.take_reads();
        let (began, operation, journal) = (Instant::now(), asked.operation.clone(), asked.journal.clone());
        let answer = AssertUnwindSafe(inner.operations.answer_to(tx, &caller, asked)).catch_unwind().await;
        if began.elapsed() > SLOW {
            tracing::warn!(operation, took = ?began.elapsed(), "a slow live query holds up its organization");
        }
        let mut answer = answer.unwrap_or_else(|_| panicked(tx.take_reads()));
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
        let shown = shared::shown(&mut answer, journal);
        found.push(Found { id, shown, reads: answer.reads.tables, is_fragile: is_broken });
    }
    Ok(found)
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

/// Shows what was found. Whether something has to be tried again in a while.
fn publish(inner: &Arc<Inner>, room: &Arc<Room>, round: Round, since: Since, (marked, ts): (u64, u64)) -> bool {
    let (mut again, mut is_overtaken) = (false, round.is_overtaken);
    let mut woken = Vec::new();
    {
        let mut guard = room.lock();
        let state = &mut *guard;
        for Found { id, shown, reads, is_fragile } in round.found {
            let Some(shared) = state.shared.get_mut(&id) else { continue };
            shared.is_fragile = is_fragile;
            shared.is_dirty = matches!(&shown.outcome, Err(error) if error.code == Code::Unavailable);
            again |= shared.is_dirty;
            let before = std::mem::replace(&mut shared.reads, reads.clone());
            is_overtaken |= state.change_interest(inner, room, (&before, &reads), since);
            woken.extend(state.show(id, shown));
        }
        state.ts = ts;
        state.failed = None;
        if is_overtaken {
            // Whoever waits for this round may wait for what overtook it.
            state.marked += 1;
        } else {
            // What was heard meanwhile may have been among what the snapshot showed.
            state.done = if state.is_settled() { state.marked } else { marked };
        }
    }
    wake(woken);
    again
}

fn wake(woken: Vec<Arc<Notify>>) {
    for view in woken {
        view.notify_one();
    }
}
