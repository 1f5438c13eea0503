//! Deletes steps whose message never arrived, because another program sent the message.

use std::time::Duration;

use ::store::{Db, Isolation};
use async_trait::async_trait;
use engine::{Cron, Handlers, Job, JobCtx};
use kernel::{OrgId, Result, Scope, Time};
use serde::{Deserialize, Serialize};

use super::store;
use crate::organizations;

/// Every hour, at another minute than the clean-up of the inbox.
const HOURLY: &str = "45 * * * *";
/// The number of steps in one batch.
const BATCH: u64 = 500;

/// Registers the job that deletes steps that have waited for their message for longer than `keep`.
pub(crate) fn handle(handlers: &mut Handlers, keep: Duration) -> Result<()> {
    let job = move || DropEarlyStatuses { keep_seconds: keep.as_secs() };
    handlers.job::<DropEarlyStatuses>().cron(Cron::new("messages-retention", HOURLY, job)?);
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct DropEarlyStatuses {
    keep_seconds: u64,
}

#[async_trait]
impl Job for DropEarlyStatuses {
    const NAME: &'static str = "drop_early_statuses";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let before = ctx.world().now() - Duration::from_secs(self.keep_seconds);
        let mut dropped = 0;
        for organization in organizations::ids(ctx.db()).await? {
            dropped += drop_before(ctx.db(), organization, before).await?;
        }
        tracing::info!(dropped, "steps of messages that never came were dropped");
        Ok(())
    }
}

/// Works in small batches, so that others do not wait for its locks; most organizations have none, and are only read.
async fn drop_before(db: &Db, organization: OrgId, before: Time) -> Result<u64> {
    let scope = Scope::Organization(organization);
    if !db.read(&scope, |tx| Box::pin(store::has_early_before(tx, before))).await? {
        return Ok(0);
    }
    let mut dropped = 0;
    loop {
        let write = ::store::work(move |tx| Box::pin(store::drop_early_before(tx, before, BATCH)));
        let batch = db.write_at(Isolation::ReadCommitted, &scope, write).await?;
        dropped += batch;
        if batch < BATCH {
            return Ok(dropped);
        }
    }
}
