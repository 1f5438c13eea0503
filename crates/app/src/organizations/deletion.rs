//! Deleting an organization: it is closed for everybody in one transaction, and a job erases it.

use async_trait::async_trait;
use engine::{
    Mutation, MutationCtx, NewJob,
    erasure::{self, ErasureId},
    operation::Route,
    post,
};
use kernel::{Access, Error, OrgId, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account::unknown,
    jobs::{EraseOrganization, UNNOTICED},
    store,
};
use crate::{
    api_keys, invitations,
    organization_exports::{self, ExportId},
    users,
};

/// Delete your organization, for ever: nobody gets in any more from this moment on, and everything that it has here is erased in
/// the background.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOrganization {
    /// The id of your organization, to say that you mean it.
    pub organization_id: OrgId,
    /// Whether an archive has to be there first. When none is, one is begun and nothing is deleted: download it, then ask
    /// again.
    #[serde(default)]
    pub export: bool,
}

/// What became of the wish to delete an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// Where it stands.
    pub status: DeletionStatus,
    /// The archive: the one that is being written, or that can still be downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_id: Option<ExportId>,
    /// The erasure, as the installation's operator sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure_id: Option<ErasureId>,
}

/// Where a deletion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeletionStatus {
    /// Nothing is deleted: the archive is written first.
    Exporting,
    /// The organization is closed and is being erased.
    Closed,
}

#[async_trait]
impl Mutation for DeleteOrganization {
    const NAME: &'static str = "organizations:delete";
    const ACCESS: Access = Access::role(Role::Owner);
    const ROUTE: Route = post("/v1/organizations/mine/delete");
    type Output = Deletion;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Deletion> {
        let organization = ctx.organization()?.clone();
        if self.organization_id != organization {
            return Err(unknown());
        }
        if self.export && organization_exports::finished(ctx).await?.is_none() {
            let export_id = Some(organization_exports::begin(ctx).await?.id);
            return Ok(Deletion { status: DeletionStatus::Exporting, export_id, erasure_id: None });
        }
        let erasure = close(ctx, &organization).await?;
        Ok(Deletion { status: DeletionStatus::Closed, export_id: None, erasure_id: Some(erasure) })
    }
}

/// Shuts everybody and everything out, and enqueues the erasure.
async fn close(ctx: &mut MutationCtx<'_>, organization: &OrgId) -> Result<ErasureId> {
    let (world, now) = (ctx.world().clone(), ctx.now());
    let by = ctx.caller().role().map_or("operator", Role::as_str);
    let erasure = erasure::close(ctx.db, &world, organization, by).await?;
    let erasure = erasure.ok_or_else(|| Error::conflict("organization_closed", "the organization is being deleted"))?;
    users::shut_out(ctx.db, organization, now).await?;
    api_keys::revoke_all(ctx.db, now).await?;
    invitations::withdraw_all(ctx.db, organization).await?;
    store::delete_names(ctx.db, organization).await?;
    // Not the organization's own job: those are erased with everything else.
    let job = NewJob::new(&EraseOrganization { erasure: erasure.clone() })?;
    let job = job.of_installation().lane(format!("erasure:{erasure}")).at(now + UNNOTICED);
    engine::enqueue(ctx.db, &world, job).await?;
    Ok(erasure)
}
