//! Jobs as people see them: look, retry, cancel.

use kernel::{Error, Result, Scope, Time};
use serde::Serialize;
use store::{Db, FromRow, Row};

use super::{EVENT, JobId, Seq, State, sql};
use crate::World;

/// Which jobs to show.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only of this name.
    pub kind: Option<String>,
    /// Only in this state, or with this status.
    pub status: Option<String>,
    /// Only those that are older than the one of this number.
    pub before: Option<Seq>,
    /// At most so many, newest first.
    pub limit: i64,
}

/// A job as it is shown. What it carries stays inside.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRow {
    /// `job_…`
    pub id: String,
    /// Its name.
    pub kind: String,
    /// Where it stands.
    pub status: String,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// What it waits in line with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Attempts that ended.
    pub attempts: i64,
    /// When it was put in.
    pub created_at: Time,
    /// When it runs next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How far it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<serde_json::Value>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The newest jobs that match. A page costs what it shows, however many rows there are: each state is read from an index
/// of its own, newest first.
///
/// # Errors
/// `BadRequest` when there is no such status.
pub async fn jobs(db: &Db, filter: JobFilter) -> Result<Vec<JobRow>> {
    let of_kind = if filter.kind.is_some() { "j.kind = $3" } else { "$3 = ''" };
    let select = format!(
        "select j.seq, j.kind, j.state, j.organization, j.lane, j.attempts, j.created_ms, j.rank, j.finished_ms, j.progress,
             j.error
         from jobs j where j.kind <> 'event' and {of_kind}"
    );
    let sql = newest_of_each(&states(filter.status.as_deref())?, &select);
    db.read(&Scope::System, |tx| {
        Box::pin(async move {
            tx.system_built(sql)
                .bind(filter.before.unwrap_or(Seq::MAX))
                .bind(filter.limit)
                .bind(filter.kind.unwrap_or_default())
                .all()
                .await
        })
    })
    .await
}

/// The newest rows of `select` over some states: `$2` of each state, and `$2` of these, all with numbers below `$1`. `select`
/// reads the table `jobs` as `j` and ends in a condition.
///
/// Each state is a range of an index by state and number, read from its end. It is written as a range because PostgreSQL takes an
/// equal state out of the order, and then walks through the rows of all states by their numbers where it guesses that one
/// of the state is never far.
pub(crate) fn newest_of_each(states: &[State], select: &str) -> String {
    let of_each: Vec<_> = states
        .iter()
        .map(|state| {
            let state = state.as_str();
            format!(
                "select * from (
                     {select} and j.state >= '{state}' and (j.state, j.seq) < ('{state}', $1)
                     order by j.state desc, j.seq desc limit $2) as {state}_ones"
            )
        })
        .collect();
    format!("select * from ({}) as newest order by seq desc limit $2", of_each.join(" union all "))
}

/// Puts a job that was given up, or cancelled, back into the queue.
///
/// # Errors
/// `NotFound` when there is none, `Conflict` when it is still to be done, or done: what a job carried goes with its
/// success.
pub async fn retry_job(db: &Db, world: &World, id: &JobId) -> Result<()> {
    let (seq, now) = (id.seq(), world.now());
    let write = store::work(move |tx| {
        Box::pin(async move {
            match state(tx, seq).await? {
                State::Dead | State::Cancelled => {}
                State::Processed | State::Ignored => {
                    return Err(Error::conflict("job_done", "the job is done: there is nothing to retry"));
                }
                State::Scheduled
                | State::Throttled
                | State::Ready
                | State::Unhandled
                | State::Suspect
                | State::Running
                | State::Cancelling
                | State::Unresolved => {
                    return Err(Error::conflict("job_pending", "the job is still to be done: nothing to retry"));
                }
            }
            tx.wake();
            sql::requeue(tx, &[seq], now).await.map(drop)
        })
    });
    db.write(&Scope::System, write).await
}

/// Cancels a job that has not ended. One that is running is told when it shows its progress or writes, and its lane waits
/// for the end of that run.
///
/// # Errors
/// `NotFound` when there is none, `Conflict` when it has ended.
pub async fn cancel_job(db: &Db, world: &World, id: &JobId) -> Result<()> {
    let (seq, now) = (id.seq(), world.now());
    let changed = db
        .write(&Scope::System, move |tx| {
            Box::pin(async move {
                state(tx, seq).await?;
                tx.system(
                    "update jobs set
                         state = case when state in ('running', 'cancelling') then 'cancelling' else 'cancelled' end,
                         rank = case when state in ('running', 'cancelling') then rank end,
                         finished_ms = case when state in ('running', 'cancelling') then finished_ms else $2 end
                     where seq = $1 and rank is not null",
                )
                .bind(seq)
                .bind(now)
                .execute()
                .await
            })
        })
        .await?;
    if changed == 0 {
        return Err(Error::conflict("job_ended", "the job has ended: nothing to cancel"));
    }
    Ok(())
}

async fn state(tx: &mut store::Tx, seq: Seq) -> Result<State> {
    let query = tx.system("select state from jobs where seq = $1 and kind <> $2").bind(seq).bind(EVENT);
    let row = query.row().await?;
    let row = row.ok_or_else(|| Error::not_found("job_unknown", "there is no such job: see `trunkline jobs list`"))?;
    State::parse(&row.text("state")?)
}

/// The states behind a status; all of them where there is none.
pub(crate) fn states(status: Option<&str>) -> Result<Vec<State>> {
    let Some(status) = status else { return Ok(State::ALL.to_vec()) };
    let states = State::of_status(status);
    if states.is_empty() {
        return Err(Error::bad_request(
            "status_unknown",
            format!(
                "there is no status {status}: pending, unhandled, cancelling, processed, ignored, unresolved, dead or cancelled"
            ),
        ));
    }
    Ok(states)
}

impl FromRow for JobRow {
    fn from_row(row: &Row) -> Result<Self> {
        let state = State::parse(&row.text("state")?)?;
        let progress = row.opt_text("progress")?.and_then(|text| serde_json::from_str(&text).ok());
        Ok(Self {
            id: JobId::new(row.int("seq")?).to_string(),
            kind: row.text("kind")?,
            status: state.status().to_owned(),
            organization: row.opt_text("organization")?,
            lane: row.opt_text("lane")?,
            attempts: row.int("attempts")?,
            created_at: row.time("created_ms")?,
            next_at: row.opt_int("rank")?.map(|micros| Time::from_ms(micros / 1000)),
            finished_at: row.opt_time("finished_ms")?,
            progress,
            error: row.opt_text("error")?,
        })
    }
}
