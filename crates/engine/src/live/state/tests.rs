//! Schedules of the refresh state: each a list of steps, with what holds after them.

use super::*;

/// One step of a schedule. Subscriptions and commits are numbers; a moment is the time of a snapshot.
enum Step {
    /// A subscription begins.
    Subscribe(u64),
    /// A commit without a number is heard.
    Write(&'static str),
    /// A commit with a number is heard.
    Commit(i64, &'static str),
    Begin,
    /// The snapshot shows these commits, and these that were not announced.
    Snapshot(&'static [i64], &'static [(i64, &'static str)]),
    /// A run ended: the subscription, and what it was read from.
    Read(u64, &'static str),
    Suspend(u64),
    Resume(u64),
    /// The refresh ends at this moment.
    Finish(u64),
    Fail,
    /// Commits up to this one were announced.
    Announced(i64),
    /// The subscriptions that have to run again.
    Outstanding(&'static [u64]),
    /// Checks the position of a reader of these subscriptions that waits for all writes so far; all up to 1000 were heard.
    Sees(&'static [u64], Expected),
    /// The same, for a view that began to wait before the last `n` requests.
    SeesSince(u64, &'static [u64], Expected),
}
use Step::*;

#[derive(Debug, PartialEq)]
enum Expected {
    At(u64),
    Waits,
    Fails,
}
use Expected::*;

fn table(name: &str) -> Table {
    Table { name: name.into(), is_tenant: true }
}

fn tables(names: &str) -> BTreeSet<Table> {
    names.split_whitespace().map(table).collect()
}

#[track_caller]
fn run(schedule: &[Step]) {
    let mut state = RefreshState::default();
    let (mut announced, mut versions) = (0, HashMap::new());
    for (number, step) in schedule.iter().enumerate() {
        match step {
            Subscribe(id) => state.insert(Reader::Subscription(*id)),
            Write(names) => {
                state.hear(None, &tables(names));
            }
            Commit(commit, names) => {
                state.hear(Some(*commit), &tables(names));
            }
            Begin => state.begin(),
            Snapshot(shown, news) => {
                let unannounced = news.iter().map(|(commit, names)| (*commit, tables(names))).collect();
                let seen = Seen { in_flight: BTreeSet::new(), unannounced };
                state.snapshot(seen, |commit| shown.contains(&commit), |commit| commit <= announced);
                versions = state.outstanding().map(|reader| (reader, state.version(reader))).collect();
            }
            Read(id, names) => {
                let reader = Reader::Subscription(*id);
                state.read(reader, versions[&reader], &tables(names));
            }
            Suspend(id) => state.suspend(Reader::Subscription(*id)),
            Resume(id) => state.resume(Reader::Subscription(*id)),
            Finish(moment) => state.finish(*moment),
            Fail => state.fail(state.requested(), Error::internal("down", "down")),
            Announced(commit) => announced = *commit,
            Outstanding(ids) => {
                let outstanding: Vec<_> = state.outstanding().collect();
                let expected: Vec<_> = ids.iter().map(|id| Reader::Subscription(*id)).collect();
                assert_eq!(outstanding, expected, "step {number}");
            }
            Sees(ids, expected) => assert_eq!(sees(&state, ids, 0), *expected, "step {number}"),
            SeesSince(requests, ids, expected) => {
                assert_eq!(sees(&state, ids, *requests), *expected, "step {number}");
            }
        }
        assert!(state.completed <= state.requested, "step {number}");
    }
}

fn sees(state: &RefreshState, ids: &[u64], before: u64) -> Expected {
    match state.position(ids.iter().copied(), state.requested().saturating_sub(before), 0, 1000) {
        Position::At(moment) => At(moment),
        Position::Wait => Waits,
        Position::Failed(_) => Fails,
    }
}

#[test]
fn an_answer_is_shown_when_it_was_read_and_again_when_what_it_was_read_from_was_written() {
    run(&[
        Subscribe(1),
        Sees(&[1], Waits),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(10),
        Sees(&[1], At(1000)),
        Write("notes"),
        Outstanding(&[]),
        Sees(&[1], At(1000)),
        Write("items"),
        Sees(&[1], Waits),
        // A reader that waits only for earlier writes may see the previous snapshot.
        SeesSince(1, &[1], At(10)),
        Begin,
        Outstanding(&[1]),
        SeesSince(1, &[1], At(10)),
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(20),
        Sees(&[1], At(1000)),
    ]);
}

#[test]
fn what_was_not_run_is_shown_with_nothing_else_until_it_was() {
    run(&[
        Subscribe(1),
        Subscribe(2),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Read(2, "items"),
        Finish(10),
        Write("items"),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(20),
        Sees(&[1], At(1000)),
        Sees(&[2], Waits),
        SeesSince(9, &[1, 2], Waits),
        Outstanding(&[2]),
        Begin,
        Snapshot(&[], &[]),
        Read(2, "items"),
        Finish(30),
        Sees(&[1, 2], At(1000)),
    ]);
}

#[test]
fn a_commit_that_is_heard_during_a_refresh_counts_for_the_next_unless_its_snapshot_shows_it() {
    run(&[
        Subscribe(1),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(10),
        Commit(5, "items"),
        Begin,
        Commit(6, "items"),
        Commit(7, "items"),
        Snapshot(&[6], &[]),
        Read(1, "items"),
        Finish(20),
        // 6 is done, 7 is not.
        Sees(&[1], Waits),
        SeesSince(2, &[1], At(20)),
        Begin,
        Snapshot(&[7], &[]),
        Read(1, "items"),
        Finish(30),
        Sees(&[1], At(1000)),
    ]);
}

#[test]
fn a_commit_that_a_snapshot_showed_before_it_was_heard_is_done_once() {
    run(&[
        Subscribe(1),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(10),
        Write("items"),
        Begin,
        Snapshot(&[], &[(8, "items")]),
        Read(1, "items"),
        Finish(20),
        Commit(8, "items"),
        Outstanding(&[]),
        Sees(&[1], At(1000)),
        Announced(8),
        Commit(9, "items"),
        Begin,
        Snapshot(&[9], &[(8, "items")]),
        Outstanding(&[1]),
        Read(1, "items"),
        Finish(30),
        Sees(&[1], At(1000)),
    ]);
}

#[test]
fn a_table_that_nobody_read_when_it_was_written_is_not_missed_by_who_reads_it_now() {
    run(&[
        Subscribe(1),
        Begin,
        Snapshot(&[], &[]),
        Write("items"),
        Read(1, "items"),
        Finish(10),
        Sees(&[1], Waits),
        Begin,
        Outstanding(&[1]),
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(20),
        Sees(&[1], At(1000)),
    ]);
}

#[test]
fn what_takes_too_long_is_waited_for_by_nobody_until_a_trial_was_quick() {
    run(&[
        Subscribe(1),
        Subscribe(2),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Suspend(2),
        Finish(10),
        Sees(&[1, 2], At(1000)),
        Write("items"),
        Begin,
        Outstanding(&[1]),
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(20),
        Sees(&[1, 2], At(1000)),
        Resume(2),
        Outstanding(&[2]),
        Sees(&[1, 2], Waits),
        Begin,
        Snapshot(&[], &[]),
        Read(2, "items"),
        Finish(30),
        Sees(&[1, 2], At(1000)),
    ]);
}

#[test]
fn a_refresh_that_fails_tells_who_waits_for_it_and_loses_nothing() {
    run(&[
        Subscribe(1),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(10),
        Write("items"),
        Begin,
        Fail,
        Sees(&[1], Fails),
        SeesSince(1, &[1], At(10)),
        Outstanding(&[1]),
        // A reader that starts after the failure waits for the next refresh.
        Write("items"),
        Sees(&[1], Waits),
        Begin,
        Snapshot(&[], &[]),
        Read(1, "items"),
        Finish(20),
        Sees(&[1], At(1000)),
    ]);
}

#[test]
fn what_is_invalidated_while_it_runs_is_of_that_moment_and_runs_again() {
    let (mut state, reader) = (RefreshState::default(), Reader::Subscription(1));
    state.insert(reader);
    state.begin();
    let version = state.version(reader);
    state.invalidate_all();
    state.read(reader, version, &tables("items"));
    state.finish(10);
    assert_eq!(state.freshness(reader), Some(Freshness::Invalidated));
    assert_eq!(sees(&state, &[1], 1), At(10));
    assert_eq!(sees(&state, &[1], 0), Waits);
    assert!(!state.rest(true));
}

#[test]
fn what_was_written_during_a_refresh_takes_little_memory_however_much_it_was() {
    let mut state = RefreshState::default();
    state.insert(Reader::Subscription(1));
    state.begin();
    for number in 0..10_000 {
        state.hear(None, &tables(&format!("users#{number}")));
    }
    assert!(matches!(&state.phase, Phase::Refreshing { written: Written::Any, .. }));
    state.read(Reader::Subscription(1), 0, &tables("users#7"));
    state.finish(10);
    assert_eq!(state.pending, tables("users#7"));
    assert!(state.readers.len() == 1 && state.early.is_empty() && state.pending_numbered.is_empty());
    state.remove(Reader::Subscription(1));
    assert!(state.readers.is_empty() && state.entries.is_empty() && state.outstanding.is_empty());
}
