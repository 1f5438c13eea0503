//! Which tables a transaction read and wrote, and who is told when it commits.
//!
//! The tables of a statement are the words in its text that are names of tables: one too many at times, never one too few.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use kernel::{OrgId, Result};

use crate::{BoxFuture, Steps, Tx};

/// A table, by name; of tables of the installation also rows of one key, `users#usr_…`, and the rows of any key, `users#*`. Those
/// of tenants have rows of many organizations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Its name.
    pub name: Arc<str>,
    /// Whether its rows belong to organizations: whether it has the column `org_id`.
    pub is_tenant: bool,
}

/// What is touched by who cannot say which rows of a table they write.
const ANY: &str = "*";

/// The rows of a table, by key.
type Only = [(&'static str, String)];

impl Table {
    /// What a statement that names it has read: itself, or rows of keys.
    pub(crate) fn read(&self, only: &Only) -> impl Iterator<Item = Self> {
        let mut rows = self.rows(only);
        if rows.is_empty() {
            rows.push(self.clone());
        } else {
            rows.push(self.row(ANY));
        }
        rows.into_iter()
    }

    /// What a statement that writes it has written: itself, and rows of keys, or of `any` key.
    pub(crate) fn written(&self, any: &Self, only: &Only) -> impl Iterator<Item = Self> {
        let mut rows = self.rows(only);
        if rows.is_empty() && !self.is_tenant {
            rows.push(any.clone());
        }
        rows.push(self.clone());
        rows.into_iter()
    }

    fn rows(&self, only: &Only) -> Vec<Self> {
        let own = only.iter().filter(|(table, _)| !self.is_tenant && **table == *self.name);
        own.map(|(_, key)| self.row(key)).collect()
    }

    fn row(&self, key: &str) -> Self {
        // Nodes tell one another with commas between the names. Two keys that become the same cost a look too many.
        Self { name: format!("{}#{}", self.name, key.replace(',', "_")).into(), is_tenant: self.is_tenant }
    }

    /// The name of the whole table.
    pub fn whole(&self) -> &str {
        self.name.split('#').next().unwrap_or_default()
    }
}

/// What an answer was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Whose rows of tenant tables.
    pub organization: Option<OrgId>,
    /// The tables.
    pub tables: BTreeSet<Table>,
}

/// A transaction that wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Whose rows of tenant tables.
    pub organization: Option<OrgId>,
    /// The tables. Never empty.
    pub tables: BTreeSet<Table>,
    /// What [`crate::Db::before_commit`] answered for it.
    pub number: Option<i64>,
}

/// Is told of every commit, before the writer gets its answer. It must be quick.
pub type OnCommit = Arc<dyn Fn(&Commit) + Send + Sync>;
/// Writes something along with every transaction that wrote, before it commits, and may give the commit a number.
pub type BeforeCommit = Arc<dyn for<'t> Fn(&'t mut Tx, &'t Commit) -> BoxFuture<'t, Result<Option<i64>>> + Send + Sync>;

/// What surrounds every transaction of a database. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Around {
    pub(crate) steps: Steps,
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Watch {
    tables: RwLock<HashMap<String, Table>>,
    /// What is known of the texts that were seen.
    texts: RwLock<HashMap<String, Arc<Touched>>>,
    on_committing: RwLock<Vec<OnCommit>>,
    on_commit: RwLock<Vec<OnCommit>>,
    on_commit_elsewhere: RwLock<Vec<OnCommit>>,
    before_commit: RwLock<Option<BeforeCommit>>,
}

/// The tables of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) named: Vec<Table>,
    /// Each with the rows of any key in it.
    pub(crate) written: Vec<(Table, Table)>,
}

/// Texts to remember. There are a few hundred in a product; more means that somebody builds them.
const TEXTS: usize = 4096;

impl Around {
    pub(crate) fn new(steps: Steps) -> Self {
        Self { steps, watch: Arc::default() }
    }

    /// These are the tables.
    pub(crate) fn know(&self, tables: impl IntoIterator<Item = Table>) {
        let tables = tables.into_iter().map(|table| (table.name.to_string(), table)).collect();
        *self.watch.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
        self.watch.texts.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn on_commit(&self, told: OnCommit) {
        self.watch.on_commit.write().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    pub(crate) fn on_committing(&self, told: OnCommit) {
        self.watch.on_committing.write().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    pub(crate) fn on_commit_elsewhere(&self, told: OnCommit) {
        self.watch.on_commit_elsewhere.write().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    pub(crate) fn before_commit(&self, write: BeforeCommit) {
        *self.watch.before_commit.write().unwrap_or_else(PoisonError::into_inner) = Some(write);
    }

    /// What to write before a commit.
    pub(crate) fn writes_along(&self) -> Option<BeforeCommit> {
        self.watch.before_commit.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells everybody who wants to know it beforehand.
    pub(crate) fn committing(&self, commit: &Commit) {
        let told = self.watch.on_committing.read().unwrap_or_else(PoisonError::into_inner).clone();
        for tell in told {
            tell(commit);
        }
    }

    /// Tells everybody who wants to know.
    pub(crate) fn committed(&self, commit: &Commit) {
        let told = self.watch.on_commit.read().unwrap_or_else(PoisonError::into_inner).clone();
        for tell in told {
            tell(commit);
        }
    }

    /// Whether somebody wants to know what other processes wrote.
    pub(crate) fn looks_elsewhere(&self) -> bool {
        !self.watch.on_commit_elsewhere.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Another process wrote, and nobody knows what: it may have been anything.
    pub(crate) fn committed_elsewhere(&self) {
        let tables = self.watch.tables.read().unwrap_or_else(PoisonError::into_inner).clone();
        let tables =
            tables.values().flat_map(|table| table.written(&table.row(ANY), &[]).collect::<Vec<_>>()).collect();
        let commit = Commit { organization: None, tables, number: None };
        let told = self.watch.on_commit_elsewhere.read().unwrap_or_else(PoisonError::into_inner).clone();
        for tell in told {
            tell(&commit);
        }
    }

    pub(crate) fn touched(&self, sql: &str) -> Arc<Touched> {
        if let Some(known) = self.watch.texts.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return known.clone();
        }
        let touched = Arc::new(touched(sql, &self.watch.tables.read().unwrap_or_else(PoisonError::into_inner)));
        let mut texts = self.watch.texts.write().unwrap_or_else(PoisonError::into_inner);
        if texts.len() < TEXTS {
            texts.insert(sql.to_owned(), touched.clone());
        }
        touched
    }
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.fmt(f)
    }
}

fn touched(sql: &str, tables: &HashMap<String, Table>) -> Touched {
    let mut touched = Touched::default();
    let words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let (mut before, mut last) = (String::new(), String::new());
    for word in words {
        let word = word.to_ascii_lowercase();
        if let Some(table) = tables.get(&word) {
            touched.named.push(table.clone());
            if last == "into" || last == "update" || (last == "from" && before == "delete") {
                touched.written.push((table.clone(), table.row(ANY)));
            }
        }
        before = std::mem::replace(&mut last, word);
    }
    touched
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tables: &[Table]) -> Vec<&str> {
        tables.iter().map(|table| &*table.name).collect()
    }

    #[track_caller]
    fn assert_touched(sql: &str, named: &[&str], written: &[&str]) {
        let table = |name: &str| (name.to_owned(), Table { name: name.into(), is_tenant: true });
        let tables = ["items", "notes", "people"].into_iter().map(table).collect();
        let touched = touched(sql, &tables);
        let wrote: Vec<_> = touched.written.iter().map(|(table, _)| table.clone()).collect();
        assert_eq!((names(&touched.named), names(&wrote)), (named.to_vec(), written.to_vec()), "{sql}");
    }

    #[test]
    fn the_tables_of_a_statement_are_found_wherever_they_stand() {
        assert_touched(
            "select * from items i, notes where exists (select 1 from people)",
            &["items", "notes", "people"],
            &[],
        );
        assert_touched(
            "with x as (select 1 from Items) select * from x join notes n on 1 = 1",
            &["items", "notes"],
            &[],
        );
        assert_touched("select itemsize from other", &[], &[]);
    }

    #[test]
    fn rows_of_one_key_meet_those_of_the_same_and_of_unknown_ones() {
        let users = Table { name: "users".into(), is_tenant: false };
        let any = users.row(ANY);
        let only = |key: &str| vec![("users", key.to_owned())];
        let meet = |read: &[(&'static str, String)], written: &[(&'static str, String)]| {
            let written: Vec<_> = users.written(&any, written).collect();
            users.read(read).any(|table| written.contains(&table))
        };
        assert!(meet(&only("a"), &only("a")) && meet(&only("a"), &[]) && meet(&[], &only("a")) && meet(&[], &[]));
        assert!(!meet(&only("a"), &only("b")));
        assert!(meet(&only("a,b"), &only("a,b")) && !meet(&only("a"), &only("a,b")));
    }

    #[test]
    fn what_a_statement_writes_is_told_from_what_it_reads() {
        assert_touched("insert into items (a) select a from notes", &["items", "notes"], &["items"]);
        assert_touched("insert into items (a) values ($1) on conflict (a) do update set b = 1", &["items"], &["items"]);
        assert_touched("update items set a = 1 where b in (select b from notes)", &["items", "notes"], &["items"]);
        assert_touched("delete from items where id = $1", &["items"], &["items"]);
        assert_touched(
            "with gone as (delete\n from items returning id) insert\n into notes select id from gone",
            &["items", "notes"],
            &["items", "notes"],
        );
        assert_touched("select * from items for update", &["items"], &[]);
    }
}
