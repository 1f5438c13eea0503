//! The nightly clean-up, as a job.

use std::time::Duration;

use async_trait::async_trait;
use engine::{Cron, Handlers, Job, JobCtx};
use kernel::Result;
use serde::{Deserialize, Serialize};

/// Drops the bodies of events that were handled long ago, and jobs that ended.
#[derive(Serialize, Deserialize)]
struct Retain {
    bodies_seconds: u64,
}

#[async_trait]
impl Job for Retain {
    const NAME: &'static str = "retain_inbox";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let bodies = Duration::from_secs(self.bodies_seconds);
        let dropped = engine::retain(ctx.db(), ctx.world().now(), bodies).await?;
        tracing::info!(dropped, "bodies of old events were dropped");
        Ok(())
    }
}

/// Every hour at a quarter past: small steps, so that there is never much to do.
const HOURLY: &str = "15 * * * *";

pub(crate) fn register(handlers: &mut Handlers, bodies: Duration) -> Result<()> {
    let retain = move || Retain { bodies_seconds: bodies.as_secs() };
    handlers.job::<Retain>().cron(Cron::new("inbox-retention", HOURLY, retain)?);
    Ok(())
}
