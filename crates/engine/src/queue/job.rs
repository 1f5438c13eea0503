//! Work in the background: typed, durable, run until it is done.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use kernel::{Error, OrgId, Result, Scope, Time};
use serde::{Serialize, de::DeserializeOwned};
use store::{BoxFuture, Db, Engine, Tx};

use super::{CHANNEL, JobId, Seq, State, sql};
use crate::World;

/// Something to do in the background: the struct is the payload.
///
/// A job runs at least once: a crash after its work and before its end is recorded runs it again.
#[async_trait]
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name in the queue. Never change it: jobs outlive releases.
    const NAME: &'static str;
    /// The version of the payload. Raise it with every change that old payloads do not fit, and write [`Job::upgrade`].
    const VERSION: i64 = 1;
    /// Attempts before it is given up.
    const MAX_ATTEMPTS: i64 = 10;

    /// Does it.
    ///
    /// # Errors
    /// An error whose [`kernel::Error::retry`] allows it is tried again with back-off; any other gives the job up.
    async fn run(self, ctx: &JobCtx) -> Result<()>;

    /// Brings the payload of an older version up to date.
    ///
    /// # Errors
    /// `Unsupported` where no older version is known (the default): the job is given up and can be retried later.
    fn upgrade(version: i64, _payload: serde_json::Value) -> Result<serde_json::Value> {
        Err(Error::unsupported(&format!("version {version} of the job {}", Self::NAME)))
    }
}

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

/// A job on its way into the queue.
pub struct NewJob {
    kind: &'static str,
    version: i64,
    max_attempts: i64,
    payload: String,
    organization: Option<OrgId>,
    lane: Option<String>,
    key: Option<String>,
    run_at: Option<Time>,
    urgency: Duration,
}

impl NewJob {
    /// The job, to run as soon as a worker is free.
    ///
    /// # Errors
    /// `Internal` when the payload cannot be written as JSON.
    pub fn new<J: Job>(job: &J) -> Result<Self> {
        let payload = serde_json::to_string(job)
            .map_err(|error| Error::internal("job_payload", "a job's payload cannot be written").source(error))?;
        Ok(Self {
            kind: J::NAME,
            version: J::VERSION,
            max_attempts: J::MAX_ATTEMPTS,
            payload,
            organization: None,
            lane: None,
            key: None,
            run_at: None,
            urgency: Duration::ZERO,
        })
    }

    /// For this organization: its rows are what the job may touch, and its share of the workers is what it takes.
    #[must_use]
    pub fn of(mut self, organization: &OrgId) -> Self {
        self.organization = Some(organization.clone());
        self
    }

    /// One after the other with the other jobs of `lane`.
    #[must_use]
    pub fn lane(mut self, lane: impl Into<String>) -> Self {
        self.lane = Some(lane.into());
        self
    }

    /// Only once for this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Not before this moment.
    #[must_use]
    pub fn at(mut self, moment: Time) -> Self {
        self.run_at = Some(moment);
        self
    }

    /// Before what has waited for less than `head_start`.
    #[must_use]
    pub fn urgent(mut self, head_start: Duration) -> Self {
        self.urgency = head_start;
        self
    }
}

/// Puts a job into the queue, in the caller's transaction. None when a job with the same key is there already.
///
/// # Errors
/// What the database says.
pub async fn enqueue(tx: &mut Tx, world: &World, job: NewJob) -> Result<Option<JobId>> {
    let now = world.now();
    let due = job.run_at.unwrap_or(now);
    let scheduled = due > now;
    let state = if scheduled { State::Scheduled } else { State::Ready };
    let dedupe = job.key.as_deref().map(|key| hash(&[job.kind, key]));
    let tenant = job.organization.as_ref().map(ToString::to_string).unwrap_or_default();
    let head_start = i64::try_from(job.urgency.as_micros()).unwrap_or(i64::MAX);
    let rank = if scheduled { sql::micros(due) } else { world.rank(&tenant) }.saturating_sub(head_start);
    let row = tx
        .system(
            "insert into jobs (kind, version, tenant, organization, dedupe, lane, state, rank, max_attempts, created_ms,
                 payload)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict (dedupe) where dedupe is not null do nothing returning seq",
        )
        .bind(job.kind)
        .bind(job.version)
        .bind(tenant)
        .bind(job.organization.as_ref())
        .bind(dedupe)
        .bind(job.lane)
        .bind(state.as_str())
        .bind(rank)
        .bind(job.max_attempts)
        .bind(now)
        .bind(job.payload)
        .row()
        .await?;
    let Some(row) = row else { return Ok(None) };
    if state == State::Ready {
        announce(tx).await?;
    }
    Ok(Some(JobId::new(row.int("seq")?)))
}

/// Wakes the workers of every node, when this transaction commits.
pub(crate) async fn announce(tx: &mut Tx) -> Result<()> {
    tx.wake();
    if tx.engine() == Engine::Postgres {
        tx.system("select pg_notify($1, '')").bind(CHANNEL).rows().await?;
    }
    Ok(())
}

/// 63 bits of SHA-256 over the parts: few enough bytes for an index that is hit at random, enough to be taken as the key.
pub(crate) fn hash(parts: &[&str]) -> i64 {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        digest.update(&part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest.finish();
    let first = digest.as_ref().first_chunk::<8>().copied().unwrap_or_default();
    i64::from_be_bytes(first) & i64::MAX
}

/// A job type without its type.
pub(crate) type Erased = Arc<dyn Fn(i64, String, JobCtx) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Reads the payload, upgrades it where it is old, runs it.
pub(crate) fn erase<J: Job>() -> Erased {
    Arc::new(|version, payload, ctx| {
        Box::pin(async move {
            let unreadable = |error: serde_json::Error| {
                Error::bad_request("job_payload", format!("the payload is not one of {}: {error}", J::NAME))
            };
            let mut value: serde_json::Value = serde_json::from_str(&payload).map_err(unreadable)?;
            if version != J::VERSION {
                value = J::upgrade(version, value)?;
            }
            let job: J = serde_json::from_value(value).map_err(unreadable)?;
            job.run(&ctx).await
        })
    })
}
