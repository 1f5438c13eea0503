//! Beginning an export.

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, post};
use kernel::{Access, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExportStatus, OrganizationExport, jobs::WriteExport, model::LASTS, store};

/// Write everything that your organization has here into one archive: a `.tar.gz` with a JSON object on each line, without what is
/// secret. It goes on in the background: watch it with `organizations:exportStatus`, then get it with
/// `organizations:downloadExport` within a week. One that is being written is gone on with.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct ExportOrganization {}

#[async_trait]
impl Mutation for ExportOrganization {
    const NAME: &'static str = "organizations:export";
    const ACCESS: Access = Access::role(Role::Owner);
    const ROUTE: Route = post("/v1/organizations/mine/exports");
    type Output = OrganizationExport;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<OrganizationExport> {
        begin(ctx).await
    }
}

/// Begins an export, or goes on with the one that is being written.
pub(crate) async fn begin(ctx: &mut MutationCtx<'_>) -> Result<OrganizationExport> {
    let now = ctx.now();
    let export = match store::find_running(ctx.db).await? {
        Some(running) => running,
        None => {
            let new = OrganizationExport {
                id: ctx.new_id(),
                creation_time: now,
                started_by: ctx.caller().display_name(),
                status: ExportStatus::Running,
                tables_done: 0,
                tables: 0,
                rows: 0,
                bytes: 0,
                finished_at: None,
                expires_at: now + LASTS,
            };
            store::insert(ctx.db, &new).await?;
            new
        }
    };
    let job = WriteExport { export: export.id.clone() }.queued()?;
    ctx.enqueue(job).await?;
    Ok(export)
}

/// The newest export that is done and can be downloaded.
pub(crate) async fn finished(ctx: &mut MutationCtx<'_>) -> Result<Option<OrganizationExport>> {
    let now = ctx.now();
    store::find_done(ctx.db, now).await
}
