//! What a running job has at hand.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use kernel::{Error, OrgId, Result, Scope};
use serde::Serialize;
use store::Db;

use super::{JobId, Seq};
use crate::World;

/// What a running job has at hand.
pub struct JobCtx {
    pub(crate) db: Db,
    pub(crate) world: World,
    pub(crate) seq: Seq,
    pub(crate) claim: i64,
    pub(crate) organization: Option<OrgId>,
    pub(crate) attempt: i64,
    pub(crate) tools: Tools,
}

/// What jobs work with, by its type. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Tools(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Tools {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, tool: T) {
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), Arc::new(tool));
    }
}

/// How far a long job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

impl JobCtx {
    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The job's own reach: its organization, or the system.
    pub fn scope(&self) -> Scope {
        self.organization.clone().map_or(Scope::System, Scope::Organization)
    }

    /// A key that is the same in every attempt: for the vendors that take one.
    pub fn idempotency_key(&self) -> String {
        JobId::new(self.seq).to_string()
    }

    /// What the binary lent to jobs by [`crate::Handlers::lend`].
    ///
    /// # Errors
    /// `Internal` when it lent none of this type.
    pub fn tool<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let tool = self.tools.0.get(&TypeId::of::<T>()).and_then(|tool| tool.downcast_ref());
        tool.ok_or_else(|| {
            let name = std::any::type_name::<T>();
            Error::internal("tool_missing", format!("this binary has no {name} for its jobs")).never_retry()
        })
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> i64 {
        self.attempt
    }

    /// Shows how far the job has come. False when it was cancelled, or taken over by another node: then stop.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn progress(&self, progress: Progress) -> Result<bool> {
        let (seq, claim) = (self.seq, self.claim);
        let text = serde_json::json!({ "done": progress.done, "total": progress.total }).to_string();
        let write = store::work(move |tx| {
            let text = text.clone();
            Box::pin(async move {
                let changed = tx
                    .system("update jobs set progress = $3 where seq = $1 and claim = $2 and state = 'running'")
                    .bind(seq)
                    .bind(claim)
                    .bind(text)
                    .execute()
                    .await?;
                Ok(changed == 1)
            })
        });
        self.db.write_at(store::Isolation::ReadCommitted, &Scope::System, write).await
    }
}
