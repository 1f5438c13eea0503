//! The database as one organization, or the installation, sees it.

use std::sync::Arc;

use kernel::{Error, OrgId, Result, Scope};
use store::{BoxFuture, Db, Isolation, Tx};

use crate::queue::Fence;

/// A database that is bound to one scope and, in a job, to the job's claim: a run that lost its claim writes nothing.
/// Cheap to clone.
#[derive(Clone)]
pub struct ScopedDb {
    db: Db,
    scope: Scope,
    fence: Option<Fence>,
}

impl ScopedDb {
    /// The database in this scope, for what is no job, such as a command.
    pub fn new(db: &Db, scope: Scope) -> Self {
        Self { db: db.clone(), scope, fence: None }
    }

    /// The database in this scope, as long as a job holds its claim.
    pub(crate) fn fenced(db: &Db, scope: Scope, fence: Fence) -> Self {
        Self { db: db.clone(), scope, fence: Some(fence) }
    }

    /// Whose rows it reaches.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same database for one organization: for jobs of the installation that walk through all of them.
    ///
    /// # Errors
    /// `Internal` when it is bound to another organization.
    pub fn within(&self, organization: &OrgId) -> Result<Self> {
        let scope = Scope::Organization(organization.clone());
        self.check_reach(&scope)?;
        Ok(Self { scope, ..self.clone() })
    }

    /// Runs `work` on one snapshot.
    ///
    /// # Errors
    /// What `work` returns, and `Unavailable` when the database does not answer.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send,
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        self.db.read(&self.scope, work).await
    }

    /// Runs `work` in one serializable transaction. It may run again from the start: see [`Db::write`].
    ///
    /// # Errors
    /// What `work` returns; `Conflict` when the job's claim was lost. With an error, nothing is written.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        self.write_at(Isolation::Serializable, work).await
    }

    /// As [`ScopedDb::write`], without keeping it apart from other transactions: for statements that are right by unique
    /// indexes and row locks alone, such as a clean-up in batches.
    ///
    /// # Errors
    /// As [`ScopedDb::write`].
    pub async fn write_batch<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        self.write_at(Isolation::ReadCommitted, work).await
    }

    /// The database without scope and fence, for the engine's own statements, which check the claim themselves.
    pub(crate) fn unfenced(&self) -> &Db {
        &self.db
    }

    /// As [`ScopedDb::read`], in another scope: for what belongs to the installation and reaches into organizations.
    ///
    /// # Errors
    /// `Internal` when it is bound to another organization; as [`ScopedDb::read`].
    pub async fn read_in<T, F>(&self, scope: &Scope, work: F) -> Result<T>
    where
        T: Send,
        F: FnOnce(&mut Tx) -> BoxFuture<'_, Result<T>> + Send,
    {
        self.check_reach(scope)?;
        self.db.read(scope, work).await
    }

    /// As [`ScopedDb::write`], in another scope: for what belongs to the installation and reaches into organizations.
    ///
    /// # Errors
    /// `Internal` when it is bound to another organization; as [`ScopedDb::write`].
    pub async fn write_in<T, F>(&self, isolation: Isolation, scope: &Scope, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        self.check_reach(scope)?;
        Self { scope: scope.clone(), ..self.clone() }.write_at(isolation, work).await
    }

    fn check_reach(&self, scope: &Scope) -> Result<()> {
        match (self.scope.organization(), scope.organization()) {
            (Some(own), Some(other)) if own != other => {
                let message = "what belongs to one organization cannot enter another";
                Err(Error::internal("scope_left", message).never_retry())
            }
            _ => Ok(()),
        }
    }

    async fn write_at<T, F>(&self, isolation: Isolation, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> BoxFuture<'_, Result<T>> + Send + Sync + 'static,
    {
        let (fence, work) = (self.fence.clone(), Arc::new(work));
        let fenced = store::work(move |tx| {
            let (fence, work) = (fence.clone(), work.clone());
            Box::pin(async move {
                if let Some(fence) = &fence {
                    fence.check(tx).await?;
                }
                work(tx).await
            })
        });
        self.db.write_at(isolation, &self.scope, fenced).await
    }
}
