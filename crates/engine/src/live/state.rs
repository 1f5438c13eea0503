//! Which answers of an organization are up to date, and of which moment they are. Pure: no clock, no lock, no I/O.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use kernel::Error;
use store::Table;

/// What has a read set: tables (or rows of a key) that it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reader {
    /// A subscription's answer.
    Subscription(u64),
    /// Who a viewer is.
    Viewer(u64),
}

/// How what was read relates to the *moment* that the organization's answers show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It is what the moment shows, and nothing that was heard since changes it.
    Fresh,
    /// It is what the moment shows, but a later commit has written to its read set: the next moment needs another run.
    Invalidated,
    /// It is older than the moment, or was never read: nobody may be shown it together with other answers.
    Stale,
    /// It took too long. What is shown is that error, at every moment, until a trial was quick enough.
    Suspended,
}

/// Where a refresh stands.
#[derive(Debug, Default)]
enum Phase {
    /// Nothing is to be done, or nobody is there to do it for.
    #[default]
    Idle,
    /// A task works on it, between two refreshes.
    Scheduled,
    /// A refresh is running.
    Refreshing {
        /// What was requested when it began.
        taken: u64,
        /// Tables without a reader here that were written since.
        written: Written,
        /// Whether its snapshot was read from one of those.
        is_overtaken: bool,
        /// What was invalidated again while it ran.
        reinvalidated: BTreeSet<Reader>,
    },
}

/// Tables that were written; with too many to remember, any table.
#[derive(Debug)]
enum Written {
    These(BTreeSet<Table>),
    Any,
}

/// The most tables (and rows of keys) that are remembered of one refresh.
const WRITTEN: usize = 1000;

#[derive(Debug)]
struct Entry {
    freshness: Freshness,
    /// Counts invalidations: a run takes back only those that came before it.
    version: u64,
    reads: BTreeSet<Table>,
}

/// What a view may do that wants all its answers at one moment.
#[derive(Debug)]
pub(super) enum Position {
    /// Show its answers as those of this moment.
    At(u64),
    /// Wait until the next refresh ends.
    Wait,
    /// Give up: the refresh that it waited for failed.
    Failed(Arc<Error>),
}

/// Tables of the installation that gained their first reader here, and those that lost their last one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) gained: Vec<Table>,
    pub(super) lost: Vec<Table>,
}

/// What a snapshot showed that may not have been heard.
pub(super) struct Seen {
    /// Tables of commits that it may show already and that are heard of later.
    pub(super) in_flight: BTreeSet<Table>,
    /// Commits that it shows, by number, and that were not announced to this node.
    pub(super) unannounced: Vec<(i64, BTreeSet<Table>)>,
}

/// How fresh the answers of an organization are, and what is to be done about it.
///
/// Commits are *heard* after they were made. A *refresh* takes a snapshot, runs again what is not fresh, or a part of it,
/// and moves the organization to the snapshot's moment. What holds between any two calls:
///
/// 1. Every answer that is `Fresh` or `Invalidated` is what a snapshot of `moment` answers.
/// 2. A commit that was heard and writes to a read set is either *pending*, or its readers are not `Fresh`. It is pending
///    until a refresh begins, or until a snapshot is known to show it; never longer.
/// 3. A commit that a snapshot showed before it was heard is *early*, and hearing of it does nothing.
/// 4. `completed` counts the requests whose commits `moment` shows: `completed <= requested`. A view that notes
///    `requested` when it is asked, and waits until `completed` has reached that, shows everything from before.
/// 5. A table that gets its first reader in a refresh, and was written since that refresh began, is pending when it ends:
///    nobody listened for it before.
#[derive(Debug, Default)]
pub(super) struct RefreshState {
    entries: HashMap<Reader, Entry>,
    /// Who reads a table: the read sets, the other way round.
    readers: HashMap<Table, BTreeSet<Reader>>,
    /// What is `Invalidated` or `Stale`, and can be run.
    outstanding: BTreeSet<Reader>,
    /// What is `Stale`, and nobody is there on whose behalf it could be run.
    parked: BTreeSet<Reader>,
    /// What commits without a number wrote, and nobody took on yet.
    pending: BTreeSet<Table>,
    /// The same, by commits that have a number: of those a snapshot tells whether it shows them.
    pending_numbered: HashMap<i64, BTreeSet<Table>>,
    early: HashSet<i64>,
    phase: Phase,
    requested: u64,
    completed: u64,
    moment: u64,
    /// Why the last refresh failed, and what it was to complete.
    failure: Option<(u64, Arc<Error>)>,
}

impl RefreshState {
    /// Something new is to be read.
    pub(super) fn insert(&mut self, reader: Reader) {
        self.entries.insert(reader, Entry { freshness: Freshness::Stale, version: 0, reads: BTreeSet::new() });
        self.outstanding.insert(reader);
        self.requested += 1;
    }

    /// Nobody needs it any more.
    pub(super) fn remove(&mut self, reader: Reader) -> Interest {
        let mut interest = Interest::default();
        self.outstanding.remove(&reader);
        self.parked.remove(&reader);
        if let Some(entry) = self.entries.remove(&reader) {
            for table in entry.reads {
                self.remove_reader(&table, reader, &mut interest);
            }
        }
        interest
    }

    pub(super) fn freshness(&self, reader: Reader) -> Option<Freshness> {
        self.entries.get(&reader).map(|entry| entry.freshness)
    }

    /// Whether it has to be run again.
    pub(super) fn is_outstanding(&self, reader: Reader) -> bool {
        self.outstanding.contains(&reader)
    }

    /// Everything that has to be run again.
    pub(super) fn outstanding(&self) -> impl Iterator<Item = Reader> + '_ {
        self.outstanding.iter().copied()
    }

    /// To be given back with what a run found.
    pub(super) fn version(&self, reader: Reader) -> u64 {
        self.entries.get(&reader).map_or(0, |entry| entry.version)
    }

    /// Something other than a commit may have changed it.
    pub(super) fn invalidate(&mut self, reader: Reader) {
        let Some(entry) = self.entries.get_mut(&reader) else { return };
        entry.version += 1;
        self.requested += 1;
        self.touch_one(reader);
    }

    /// Commits were missed, and nobody knows which.
    pub(super) fn invalidate_all(&mut self) {
        let all: Vec<_> = self.entries.keys().copied().collect();
        for reader in all {
            self.invalidate(reader);
        }
    }

    /// A commit was made, with this number where it has one. Whether there is something to do.
    pub(super) fn hear(&mut self, number: Option<i64>, tables: &BTreeSet<Table>) -> bool {
        if number.is_some_and(|number| self.early.contains(&number)) {
            return false;
        }
        let (read, unread): (Vec<_>, Vec<_>) = tables.iter().partition(|table| self.readers.contains_key(*table));
        if let Phase::Refreshing { written, .. } = &mut self.phase {
            written.add(unread);
        }
        if read.is_empty() {
            return false;
        }
        match number {
            Some(number) => self.pending_numbered.entry(number).or_default().extend(read.into_iter().cloned()),
            None => self.pending.extend(read.into_iter().cloned()),
        }
        self.requested += 1;
        true
    }

    /// Whether a task has to be started, because there is work and nobody at it.
    pub(super) fn schedule(&mut self) -> bool {
        let is_idle = matches!(self.phase, Phase::Idle) && self.has_work();
        if is_idle {
            self.phase = Phase::Scheduled;
        }
        is_idle
    }

    /// Whether the task ends: there is nothing left to do, or nobody to do it for.
    pub(super) fn rest(&mut self, is_watched: bool) -> bool {
        let is_over = !is_watched || !self.has_work();
        if is_over {
            self.phase = Phase::Idle;
        }
        is_over
    }

    /// What there is to complete, for who waits for it.
    pub(super) fn requested(&self) -> u64 {
        self.requested
    }

    /// Takes on everything that was heard: a snapshot that is taken from now on shows it.
    pub(super) fn take_on(&mut self) {
        let mut tables = std::mem::take(&mut self.pending);
        tables.extend(self.pending_numbered.drain().flat_map(|(_, tables)| tables));
        self.touch(&tables);
    }

    /// A refresh begins: its snapshot, which is yet to be taken, shows everything that was heard.
    pub(super) fn begin(&mut self) {
        self.take_on();
        self.phase = Phase::Refreshing {
            taken: self.requested,
            written: Written::These(BTreeSet::new()),
            is_overtaken: false,
            reinvalidated: BTreeSet::new(),
        };
    }

    /// Its snapshot was taken. `shows` tells whether it shows a commit, `was_announced` whether this node was told of it.
    pub(super) fn snapshot(&mut self, seen: Seen, shows: impl Fn(i64) -> bool, was_announced: impl Fn(i64) -> bool) {
        let mut tables = seen.in_flight;
        // The snapshot may show what was heard since the beginning; it is pending still, because nobody knows.
        tables.extend(self.pending.iter().cloned());
        let shown = self.pending_numbered.extract_if(|number, _| shows(*number));
        tables.extend(shown.flat_map(|(_, tables)| tables));
        self.early.retain(|number| !was_announced(*number));
        for (number, written) in seen.unannounced {
            if !was_announced(number) && self.early.insert(number) {
                tables.extend(written);
            }
        }
        self.touch(&tables);
    }

    /// A run has found this read set, and what was invalidated up to `version` is done.
    pub(super) fn read(&mut self, reader: Reader, version: u64, reads: &BTreeSet<Table>) -> Interest {
        let mut interest = Interest::default();
        let Some(entry) = self.entries.get_mut(&reader) else { return interest };
        if entry.version == version {
            entry.freshness = Freshness::Fresh;
            self.outstanding.remove(&reader);
        } else {
            entry.freshness = Freshness::Invalidated;
            self.outstanding.insert(reader);
            if let Phase::Refreshing { reinvalidated, .. } = &mut self.phase {
                reinvalidated.insert(reader);
            }
        }
        let before = std::mem::replace(&mut entry.reads, reads.clone());
        for table in reads.difference(&before) {
            self.add_reader(table, reader, &mut interest);
        }
        for table in before.difference(reads) {
            self.remove_reader(table, reader, &mut interest);
        }
        interest
    }

    /// It takes too long: nobody waits for it any more.
    pub(super) fn suspend(&mut self, reader: Reader) {
        if let Some(entry) = self.entries.get_mut(&reader) {
            entry.freshness = Freshness::Suspended;
            self.outstanding.remove(&reader);
        }
    }

    /// A trial of something suspended was quick enough: it is run again with the others.
    pub(super) fn resume(&mut self, reader: Reader) {
        if let Some(entry) = self.entries.get_mut(&reader)
            && entry.freshness == Freshness::Suspended
        {
            entry.freshness = Freshness::Stale;
            self.outstanding.insert(reader);
            self.requested += 1;
        }
    }

    /// Nobody is there on whose behalf it could be run.
    pub(super) fn park(&mut self, reader: Reader) {
        if let Some(entry) = self.entries.get_mut(&reader) {
            entry.freshness = Freshness::Stale;
            self.outstanding.remove(&reader);
            self.parked.insert(reader);
        }
    }

    /// Somebody may be there now.
    pub(super) fn unpark(&mut self) {
        if !self.parked.is_empty() {
            self.outstanding.append(&mut self.parked);
            self.requested += 1;
        }
    }

    /// A refresh ends: what was invalidated, and not run again, is older than this moment.
    pub(super) fn finish(&mut self, moment: u64) {
        let phase = std::mem::replace(&mut self.phase, Phase::Scheduled);
        let Phase::Refreshing { taken, is_overtaken, reinvalidated, .. } = phase else { return };
        for reader in self.outstanding.difference(&reinvalidated) {
            if let Some(entry) = self.entries.get_mut(reader) {
                entry.freshness = Freshness::Stale;
            }
        }
        self.moment = self.moment.max(moment);
        self.failure = None;
        if is_overtaken {
            // Whoever waits for this refresh may wait for what overtook it.
            self.requested += 1;
        } else {
            // What was heard meanwhile may have been among what the snapshot showed.
            self.completed = if self.has_work() { taken } else { self.requested };
        }
    }

    /// A refresh failed that was to complete this much. What it took on remains to be done.
    pub(super) fn fail(&mut self, requested: u64, error: Error) {
        self.phase = Phase::Scheduled;
        self.failure = Some((requested, Arc::new(error)));
    }

    /// Which moment a view with these subscriptions may show that waits for `goal`, and for nothing before `least`. `now` is
    /// a moment of which everything was heard.
    pub(super) fn position(
        &self,
        subscriptions: impl Iterator<Item = u64>,
        goal: u64,
        least: u64,
        now: u64,
    ) -> Position {
        let mut is_current = self.pending.is_empty() && self.pending_numbered.is_empty();
        for id in subscriptions {
            match self.freshness(Reader::Subscription(id)) {
                Some(Freshness::Fresh | Freshness::Suspended) => {}
                Some(Freshness::Invalidated) => is_current = false,
                Some(Freshness::Stale) | None => return self.waiting(goal),
            }
        }
        if is_current {
            Position::At(now.max(self.moment))
        } else if self.completed >= goal && self.moment >= least {
            Position::At(self.moment)
        } else {
            self.waiting(goal)
        }
    }

    /// Waits for a refresh, unless the one that was waited for failed.
    pub(super) fn waiting(&self, goal: u64) -> Position {
        match &self.failure {
            Some((requested, error)) if *requested >= goal => Position::Failed(error.clone()),
            Some(_) | None => Position::Wait,
        }
    }

    /// The tables, and rows of keys, that are read.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.readers.keys()
    }

    fn has_work(&self) -> bool {
        !self.outstanding.is_empty() || !self.pending.is_empty() || !self.pending_numbered.is_empty()
    }

    /// Whatever is read from these tables has to be run again.
    fn touch(&mut self, tables: &BTreeSet<Table>) {
        let touched: BTreeSet<_> =
            tables.iter().filter_map(|table| self.readers.get(table)).flatten().copied().collect();
        for reader in touched {
            self.touch_one(reader);
        }
    }

    fn touch_one(&mut self, reader: Reader) {
        if let Some(entry) = self.entries.get_mut(&reader)
            && entry.freshness == Freshness::Fresh
        {
            entry.freshness = Freshness::Invalidated;
            self.outstanding.insert(reader);
        }
    }

    fn add_reader(&mut self, table: &Table, reader: Reader, interest: &mut Interest) {
        let readers = self.readers.entry(table.clone()).or_default();
        readers.insert(reader);
        if readers.len() > 1 {
            return;
        }
        if !table.is_tenant {
            interest.gained.push(table.clone());
        }
        if let Phase::Refreshing { written, is_overtaken, .. } = &mut self.phase
            && written.has(table)
        {
            self.pending.insert(table.clone());
            *is_overtaken = true;
        }
    }

    fn remove_reader(&mut self, table: &Table, reader: Reader, interest: &mut Interest) {
        let Some(readers) = self.readers.get_mut(table) else { return };
        readers.remove(&reader);
        if readers.is_empty() {
            self.readers.remove(table);
            if !table.is_tenant {
                interest.lost.push(table.clone());
            }
        }
    }
}

impl Written {
    fn add(&mut self, tables: Vec<&Table>) {
        let Self::These(known) = self else { return };
        known.extend(tables.into_iter().cloned());
        if known.len() > WRITTEN {
            *self = Self::Any;
        }
    }

    fn has(&self, table: &Table) -> bool {
        match self {
            Self::These(known) => known.contains(table),
            Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests;
