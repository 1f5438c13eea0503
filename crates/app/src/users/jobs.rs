//! Ends impersonations.

use async_trait::async_trait;
use engine::{Job, JobCtx};
use kernel::Result;
use serde::{Deserialize, Serialize};

use super::store;

/// Deletes the expired impersonations of an organization. They have no effect from the moment they expire; deleting
/// them refreshes open live queries.
#[derive(Serialize, Deserialize)]
pub(super) struct EndImpersonation {}

#[async_trait]
impl Job for EndImpersonation {
    const NAME: &'static str = "end_impersonation";

    async fn run(self, ctx: &JobCtx) -> Result<()> {
        let now = ctx.now();
        let write = ::store::work(move |tx| Box::pin(store::end_impersonations_before(tx, now)));
        ctx.write(write).await.map(drop)
    }
}
