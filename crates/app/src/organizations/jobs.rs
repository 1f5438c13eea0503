//! Erasing an organization that was closed.

use std::time::Duration;

use async_trait::async_trait;
use engine::{
    Job, JobCtx, NewJob, Progress,
    erasure::{self, ErasureId},
};
use kernel::Result;
use serde::{Deserialize, Serialize};

use crate::users;

/// How long what is under way in a closed organization may take to end, and nodes to notice, before the erasure begins.
pub(super) const UNNOTICED: Duration = Duration::from_secs(15);

/// Does the next steps of an erasure, and leaves the rest to another job like it.
#[derive(Serialize, Deserialize)]
pub(super) struct EraseOrganization {
    pub erasure: ErasureId,
}

/// Steps of a job.
const STEPS: usize = 200;

#[async_trait]
impl Job for EraseOrganization {
    const NAME: &'static str = "erase_organization";
    const MAX_ATTEMPTS: i64 = 100;

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        if let Some(organization) = erasure::organization(ctx.db(), &self.erasure).await? {
            users::erase_people(ctx.db(), &organization).await?;
        }
        for _ in 0..STEPS {
            let erasure = erasure::go_on(ctx.db(), ctx.world(), &self.erasure).await?;
            let [done, total] =
                [erasure.steps_done, erasure.steps_total].map(|steps| u64::try_from(steps).unwrap_or(0));
            let is_wanted = ctx.progress(Progress { done, total }).await?;
            if erasure.erased_at.is_some() {
                tracing::info!(erasure = %self.erasure, rows = erasure.rows, "an organization was erased");
                return Ok(());
            }
            if !is_wanted {
                return Ok(());
            }
        }
        let lane = format!("erasure:{}", self.erasure);
        ctx.enqueue(NewJob::new(&self)?.lane(lane)).await.map(drop)
    }
}
