//! Watching an export, and getting the archive.

use async_trait::async_trait;
use data_encoding::BASE64;
use engine::{Place, Placed, Query, QueryCtx, get, operation::Route};
use kernel::{Access, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExportId, ExportStatus, OrganizationExport, model::unknown, store};

/// How far an export has come.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetExport {
    /// Which one.
    pub export_id: ExportId,
}

#[async_trait]
impl Query for GetExport {
    const NAME: &'static str = "organizations:exportStatus";
    const ACCESS: Access = Access::role(Role::Owner);
    const ROUTE: Route = get("/v1/organizations/mine/exports/{exportId}");
    type Output = OrganizationExport;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<OrganizationExport> {
        store::find(ctx.db, &self.export_id).await?.ok_or_else(|| unknown(&self.export_id))
    }
}

/// The exports of your organization, page by page, the newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageExports {
    /// Which page.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageExports {
    const NAME: &'static str = "organizations:pageExports";
    const ACCESS: Access = Access::role(Role::Owner);
    const ROUTE: Route = get("/v1/organizations/mine/exports");
    type Output = Page<OrganizationExport>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<OrganizationExport>> {
        ctx.page(&self.pagination_opts, |db, range| Box::pin(async move { store::page(db, &range).await })).await
    }
}

/// A part of the archive of an export that is done: put the parts, each decoded, one behind the other in a `.tar.gz`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DownloadExport {
    /// Which one.
    pub export_id: ExportId,
    /// Which part. It is one part however many items are asked for.
    pub pagination_opts: PageOptions,
}

/// A part of a file of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArchivePart {
    /// The bytes, in base64.
    pub text: String,
    /// `base64`.
    pub encoding: String,
    /// Whether it is the last part.
    pub is_done: bool,
    /// Where the next part begins.
    pub continue_cursor: String,
}

#[async_trait]
impl Query for DownloadExport {
    const NAME: &'static str = "organizations:downloadExport";
    const ACCESS: Access = Access::role(Role::Owner);
    const ROUTE: Route = get("/v1/organizations/mine/exports/{exportId}/archive");
    type Output = ArchivePart;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<ArchivePart> {
        self.pagination_opts.check()?;
        let (id, now) = (self.export_id, ctx.now());
        let export = store::find(ctx.db, &id).await?;
        let export = export.filter(|export| export.expires_at > now).ok_or_else(|| unknown(&id))?;
        if export.status == ExportStatus::Running {
            return Err(kernel::Error::conflict(
                "export_running",
                "the archive is still being written: ask again when organizations:exportStatus says done",
            ));
        }
        let options = PageOptions { num_items: 1, ..self.pagination_opts };
        let page = ctx.page(&options, |db, range| Box::pin(async move { store::parts(db, &id, &range).await })).await?;
        let bytes: Vec<u8> = page.page.into_iter().flat_map(|part| part.data).collect();
        Ok(ArchivePart {
            text: BASE64.encode(&bytes),
            encoding: "base64".to_owned(),
            is_done: page.is_done,
            continue_cursor: page.continue_cursor,
        })
    }
}

/// A part as it is kept.
pub(super) struct KeptPart {
    pub number: i64,
    pub data: Vec<u8>,
}

impl Placed for KeptPart {
    fn place(&self) -> Place {
        Place(vec![self.number.into(), "".into()])
    }
}
