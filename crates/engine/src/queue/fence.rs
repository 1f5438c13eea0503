//! The fence of a running job: its claim, checked by every transaction that writes for it.

use kernel::{Error, Result};
use store::{Engine, Tx};

use super::Seq;

/// The tag of the error that says that a run lost its claim: the job was cancelled, or another node runs it now.
pub(crate) const CLAIM_LOST: &str = "claim_lost";

/// The claim that a run of a job holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub(crate) seq: Seq,
    pub(crate) claim: i64,
}

impl Fence {
    /// Checks that the claim is still held, and keeps everybody else from taking the job until this transaction ends.
    ///
    /// # Errors
    /// `Conflict` when the claim was lost: then nothing that this transaction writes may be kept.
    pub(crate) async fn check(&self, tx: &mut Tx) -> Result<()> {
        let sql = match tx.engine() {
            // There is one writer at a time: what it reads holds until it commits.
            Engine::Sqlite => "select kind from jobs where seq = $1 and claim = $2 and state = 'running'",
            // Locks the row without a predicate lock on the index page of its neighbours: see `sql::finish`. A row that was
            // deleted meanwhile would be made anew, without a kind: that is a lost claim, and the transaction is undone.
            Engine::Postgres => {
                "insert into jobs (seq, kind, state, max_attempts, created_ms) values ($1, '', '', 0, 0)
                 on conflict (seq) do update set claim = jobs.claim
                 where jobs.claim = $2 and jobs.state = 'running' returning kind"
            }
        };
        let row = tx.system(sql).bind(self.seq).bind(self.claim).row().await?;
        let is_held = row.map(|row| row.text("kind")).transpose()?.is_some_and(|kind| !kind.is_empty());
        if is_held { Ok(()) } else { Err(claim_lost()) }
    }
}

/// A run whose claim is gone.
pub(crate) fn claim_lost() -> Error {
    Error::conflict(CLAIM_LOST, "the job was cancelled, or another node runs it now: this run may write nothing")
        .never_retry()
}
