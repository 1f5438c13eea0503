//! Who is told when a transaction commits, and what is written along with it.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use kernel::{OrgId, Result};

use crate::{BoxFuture, Table, Tx, schema::Schema};

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

impl Commit {
    /// What a transaction has to announce when it commits; none when it wrote nothing.
    pub(crate) fn of(tx: &mut Tx) -> Option<Self> {
        let tables = tx.take_written();
        let organization = tx.scope().organization().cloned();
        (!tables.is_empty()).then_some(Self { organization, tables, number: None })
    }
}

/// Is told of every commit, before the writer gets its answer. It must be quick.
pub type OnCommit = Arc<dyn Fn(&Commit) + Send + Sync>;
/// Writes something along with every transaction that wrote, before it commits, and may give the commit a number.
pub type BeforeCommit = Arc<dyn for<'t> Fn(&'t mut Tx, &'t Commit) -> BoxFuture<'t, Result<Option<i64>>> + Send + Sync>;

/// The hooks around the commits of a database. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Hooks(Arc<Registered>);

#[derive(Default)]
struct Registered {
    before: RwLock<Option<BeforeCommit>>,
    committing: RwLock<Vec<OnCommit>>,
    committed: RwLock<Vec<OnCommit>>,
    elsewhere: RwLock<Vec<OnCommit>>,
}

impl Hooks {
    pub(crate) fn on_commit(&self, hook: OnCommit) {
        push(&self.0.committed, hook);
    }

    pub(crate) fn on_committing(&self, hook: OnCommit) {
        push(&self.0.committing, hook);
    }

    pub(crate) fn on_commit_elsewhere(&self, hook: OnCommit) {
        push(&self.0.elsewhere, hook);
    }

    pub(crate) fn before_commit(&self, write: BeforeCommit) {
        *self.0.before.write().unwrap_or_else(PoisonError::into_inner) = Some(write);
    }

    /// What is written along with a transaction, before it commits.
    pub(crate) fn writes_along(&self) -> Option<BeforeCommit> {
        self.0.before.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Called right before a commit.
    pub(crate) fn committing(&self, commit: &Commit) {
        call(&self.0.committing, commit);
    }

    /// Called after a commit.
    pub(crate) fn committed(&self, commit: &Commit) {
        call(&self.0.committed, commit);
    }

    /// Whether there is a hook for what other processes write.
    pub(crate) fn looks_elsewhere(&self) -> bool {
        !self.0.elsewhere.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Called after another process wrote. Nobody knows which tables: it may have been any.
    pub(crate) fn committed_elsewhere(&self, schema: &Schema) {
        call(&self.0.elsewhere, &Commit { organization: None, tables: schema.everything(), number: None });
    }
}

fn push(hooks: &RwLock<Vec<OnCommit>>, hook: OnCommit) {
    hooks.write().unwrap_or_else(PoisonError::into_inner).push(hook);
}

fn call(hooks: &RwLock<Vec<OnCommit>>, commit: &Commit) {
    let hooks = hooks.read().unwrap_or_else(PoisonError::into_inner).clone();
    for hook in hooks {
        hook(commit);
    }
}
