//! Putting jobs into the queue.

use std::{borrow::Cow, time::Duration};

use kernel::{Error, OrgId, Result, Time};
use serde::{Deserialize, Serialize};
use store::Tx;

use super::{Job, JobId, State, Throttle, sql};
use crate::World;

/// Attempts before a job is given up, where its type does not say.
pub(crate) const MAX_ATTEMPTS: i64 = 10;

/// A job on its way into the queue.
#[derive(Clone)]
pub struct NewJob {
    kind: Cow<'static, str>,
    version: i64,
    max_attempts: i64,
    payload: String,
    owner: Owner,
    /// Whose share of the workers it takes, when that is no organization's.
    tenant: Option<String>,
    lane: Option<String>,
    key: Option<String>,
    run_at: Option<Time>,
    urgency: Duration,
    throttle: Option<Throttle>,
    kind_at_once: Option<u32>,
}

/// A job that is enqueued again and again.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Template {
    kind: String,
    version: i64,
    max_attempts: i64,
    payload: String,
    lane: Option<String>,
    urgency: Duration,
    throttle: Option<Throttle>,
    kind_at_once: Option<u32>,
}

/// Whose a job is.
#[derive(Clone)]
enum Owner {
    /// Whoever's transaction enqueues it.
    OfTheTransaction,
    Organization(OrgId),
    Installation,
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
            max_attempts: J::MAX_ATTEMPTS,
            kind_at_once: J::AT_ONCE,
            ..Self::of_kind(J::NAME, J::VERSION, payload)
        })
    }

    /// A job of this kind, for kinds that are no type.
    pub(crate) fn of_kind(kind: impl Into<Cow<'static, str>>, version: i64, payload: String) -> Self {
        Self {
            kind: kind.into(),
            version,
            max_attempts: MAX_ATTEMPTS,
            payload,
            owner: Owner::OfTheTransaction,
            tenant: None,
            lane: None,
            key: None,
            run_at: None,
            urgency: Duration::ZERO,
            throttle: None,
            kind_at_once: None,
        }
    }

    /// What is kept of a job that is enqueued again and again.
    pub(crate) fn template(self) -> Template {
        let Self { kind, version, max_attempts, payload, lane, urgency, throttle, kind_at_once, .. } = self;
        Template { kind: kind.into_owned(), version, max_attempts, payload, lane, urgency, throttle, kind_at_once }
    }

    /// A job as a template has it.
    pub(crate) fn of_template(template: Template) -> Self {
        let Template { kind, version, max_attempts, payload, lane, urgency, throttle, kind_at_once } = template;
        Self { max_attempts, lane, urgency, throttle, kind_at_once, ..Self::of_kind(kind, version, payload) }
    }

    /// For this organization: its rows are what the job may touch, and its share of the workers is what it takes. A job that
    /// is enqueued in an organization's transaction is that organization's without saying so.
    #[must_use]
    pub fn of(mut self, organization: &OrgId) -> Self {
        self.owner = Owner::Organization(organization.clone());
        self
    }

    /// For the installation, also when it is enqueued in an organization's transaction: the job may touch no organization's
    /// rows before it enters one.
    #[must_use]
    pub fn of_installation(mut self) -> Self {
        self.owner = Owner::Installation;
        self
    }

    /// On the share of whoever has this name.
    pub(crate) fn on_share_of(mut self, tenant: String) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// One after the other with the other jobs of `lane`.
    #[must_use]
    pub fn lane(mut self, lane: impl Into<String>) -> Self {
        self.lane = Some(lane.into());
        self
    }

    /// Only once for this key: while a job of the same kind and organization with this key is there, and for as long as
    /// one that ended is kept, none is added. By the key it can be moved and cancelled: see [`super::JobKey`].
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

    /// Within this limit, which it shares with all jobs that name it.
    #[must_use]
    pub fn throttle(mut self, limit: Throttle) -> Self {
        self.throttle = Some(limit);
        self
    }

    /// The limit that it waits at: its own, or that of its kind.
    fn limit(&mut self) -> Option<Throttle> {
        let of_its_kind = || self.kind_at_once.map(|_| Throttle::new(format!("kind:{}", self.kind)));
        self.throttle.take().or_else(of_its_kind)
    }
}

/// Puts a job into the queue, in the caller's transaction. Returns none when a job with the same key is there already.
///
/// A job belongs to the organization of the transaction: a scope is never left by way of the queue.
///
/// # Errors
/// `Internal` when the job is for another organization than the transaction; what the database says.
pub async fn enqueue(tx: &mut Tx, world: &World, job: NewJob) -> Result<Option<JobId>> {
    let mut job = job;
    let limit = job.limit();
    let now = world.now();
    let due = job.run_at.unwrap_or(now);
    let organization = organization_of(tx, &job)?;
    let state = match (due > now, &limit) {
        (true, _) => State::Scheduled,
        (false, Some(_)) => State::Throttled,
        (false, None) => State::Ready,
    };
    let dedupe = job.key.as_deref().map(|key| key_hash(&job.kind, key, organization.as_ref()));
    let tenant = organization.as_ref().map(ToString::to_string).or(job.tenant).unwrap_or_default();
    let head_start = i64::try_from(job.urgency.as_micros()).unwrap_or(i64::MAX);
    // A job that is due later gets its rank when it is: see `promote`.
    let rank =
        if state == State::Scheduled { sql::micros(due) } else { world.rank(&tenant).saturating_sub(head_start) };
    let every = limit.as_ref().and_then(|limit| limit.every).map(|every| i64::try_from(every.as_micros()));
    let row = tx
        .system(
            "insert into jobs (kind, version, tenant, organization, dedupe, lane, state, rank, max_attempts, created_ms,
                 payload, head_start, throttle, throttle_at_once, throttle_every, kind_at_once)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
             on conflict (dedupe) where dedupe is not null do nothing returning seq",
        )
        .bind(job.kind.as_ref())
        .bind(job.version)
        .bind(tenant)
        .bind(organization.as_ref())
        .bind(dedupe)
        .bind(job.lane)
        .bind(state.as_str())
        .bind(rank)
        .bind(job.max_attempts)
        .bind(now)
        .bind(job.payload)
        .bind(head_start)
        .bind(limit.as_ref().map(|limit| limit.name.as_str()))
        .bind(limit.as_ref().and_then(|limit| limit.at_once).map(i64::from))
        .bind(every.map(|micros| micros.unwrap_or(i64::MAX)))
        .bind(job.kind_at_once.map(i64::from))
        .row()
        .await?;
    let Some(row) = row else { return Ok(None) };
    if state != State::Scheduled {
        tx.wake();
    }
    Ok(Some(JobId::new(row.int("seq")?)))
}

/// Stands for a key of this kind of job, in this organization.
pub(super) fn key_hash(kind: &str, key: &str, organization: Option<&OrgId>) -> i64 {
    match organization {
        Some(organization) => hash(&[kind, key, organization.as_str()]),
        None => hash(&[kind, key]),
    }
}

/// Whose a job is that is enqueued in this transaction.
fn organization_of(tx: &Tx, job: &NewJob) -> Result<Option<OrgId>> {
    match (&job.owner, tx.scope().organization()) {
        (Owner::Organization(other), Some(own)) if own != other => {
            let message = format!("a job {} for one organization was enqueued by another", job.kind);
            Err(Error::internal("job_of_another", message).never_retry())
        }
        (Owner::Organization(named), _) => Ok(Some(named.clone())),
        (Owner::OfTheTransaction, own) => Ok(own.cloned()),
        (Owner::Installation, _) => Ok(None),
    }
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
