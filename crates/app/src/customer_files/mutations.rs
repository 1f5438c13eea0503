//! Starts, cancels and resumes imports.

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, post};
use kernel::{Access, Error, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CustomerImport, ImportId, ImportStatus, Reading,
    jobs::ContinueImport,
    model::unknown,
    sheet::Sheet,
    store::{self, File},
};
use crate::Name;

/// Import customers from a file. The import runs in the background: watch it with `customers:importStatus`. Rows with
/// errors are left out and reported. An organization imports one file at a time.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportCustomers {
    /// The file: CSV with a first line of column titles, separated by commas, semicolons or tabs; up to 5 MB and 20,000
    /// rows.
    pub csv: String,
    /// The name of the file, which the list of imports shows.
    #[serde(default)]
    pub file_name: Option<Name>,
    /// How the file is read.
    #[serde(flatten)]
    pub reading: Reading,
}

#[async_trait]
impl Mutation for ImportCustomers {
    const NAME: &'static str = "customers:import";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/customers/imports");
    type Output = CustomerImport;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<CustomerImport> {
        if let Some(running) = store::find_running(ctx.db).await? {
            let message = "another file is being imported: wait until it is done, resume it, or cancel it";
            return Err(Error::conflict("import_running", message).context("import_id", running.id.as_str()));
        }
        let sheet = Sheet::read(&self.csv, &self.reading)?;
        let now = ctx.now();
        let import = CustomerImport {
            id: ctx.new_id(),
            creation_time: now,
            file_name: self.file_name.map(|name| name.to_string()),
            started_by: ctx.caller().display_name(),
            status: ImportStatus::Running,
            rows: i64::try_from(sheet.rows.len()).unwrap_or(i64::MAX),
            done: 0,
            imported: 0,
            rejected: 0,
            updated_at: now,
            finished_at: None,
        };
        store::insert(ctx.db, &import, &File { csv: self.csv, reading: self.reading }).await?;
        enqueue(ctx, &import.id).await?;
        Ok(import)
    }
}

/// Stop an import. Customers that it imported until then stay.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelImport {
    /// The import.
    pub import_id: ImportId,
}

#[async_trait]
impl Mutation for CancelImport {
    const NAME: &'static str = "customers:cancelImport";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/customers/imports/{importId}/cancel");
    type Output = CustomerImport;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<CustomerImport> {
        let (now, before) = (ctx.now(), running(ctx, &self.import_id).await?);
        let status = ImportStatus::Cancelled;
        let after = CustomerImport { status, updated_at: now, finished_at: Some(now), ..before.clone() };
        store::advance(ctx.db, &before, &after).await?;
        store::drop_file(ctx.db, &after.id).await?;
        Ok(after)
    }
}

/// Resume an import whose job failed for good or was cancelled. An import that is running is not disturbed.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResumeImport {
    /// The import.
    pub import_id: ImportId,
}

#[async_trait]
impl Mutation for ResumeImport {
    const NAME: &'static str = "customers:resumeImport";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/customers/imports/{importId}/resume");
    type Output = CustomerImport;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<CustomerImport> {
        let import = running(ctx, &self.import_id).await?;
        enqueue(ctx, &import.id).await?;
        Ok(import)
    }
}

/// Reads an import that is not over.
async fn running(ctx: &mut MutationCtx<'_>, import: &ImportId) -> Result<CustomerImport> {
    let found = store::find(ctx.db, import).await?.ok_or_else(|| unknown(import))?;
    match found.status {
        ImportStatus::Running => Ok(found),
        ImportStatus::Done => Err(Error::conflict("import_done", "the import is done: nothing is left of it to do")),
        ImportStatus::Cancelled => {
            let message = "the import was cancelled: import the file again; customers that exist already are skipped";
            Err(Error::conflict("import_cancelled", message))
        }
    }
}

/// Enqueues the job of the import.
async fn enqueue(ctx: &mut MutationCtx<'_>, import: &ImportId) -> Result<()> {
    let job = ContinueImport { import: import.clone() }.queued()?;
    ctx.enqueue(job).await.map(drop)
}
