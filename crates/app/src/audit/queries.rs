//! Reading the audit log.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Error, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AuditEntry, store};

/// The audit log, page by page, the newest line first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageAudit {
    /// Which page.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageAudit {
    const NAME: &'static str = "audit:page";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/audit");
    type Output = Page<AuditEntry>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<AuditEntry>> {
        page(ctx, &self.pagination_opts).await
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One line for each entry, and one with the names of the columns at the beginning of the first part.
    Csv,
    /// One JSON object on each line.
    Jsonl,
}

/// A part of the audit log as a file: put the parts one behind the other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportAudit {
    /// How it is written.
    pub format: ExportFormat,
    /// Which part.
    pub pagination_opts: PageOptions,
}

/// A part of a file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The text.
    pub text: String,
    /// Whether it is the last part.
    pub is_done: bool,
    /// Where the next part begins.
    pub continue_cursor: String,
}

#[async_trait]
impl Query for ExportAudit {
    const NAME: &'static str = "audit:export";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/audit/export");
    type Output = Part;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Part> {
        let page = page(ctx, &self.pagination_opts).await?;
        let text = match self.format {
            ExportFormat::Jsonl => json_lines(&page.page)?,
            ExportFormat::Csv => csv_text(&page.page, self.pagination_opts.cursor.is_none())?,
        };
        Ok(Part { text, is_done: page.is_done, continue_cursor: page.continue_cursor })
    }
}

async fn page(ctx: &mut QueryCtx<'_>, options: &PageOptions) -> Result<Page<AuditEntry>> {
    ctx.page(options, |db, range| Box::pin(async move { store::page(db, &range).await })).await
}

fn json_lines(entries: &[AuditEntry]) -> Result<String> {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&serde_json::to_string(entry).map_err(unwritable)?);
        text.push('\n');
    }
    Ok(text)
}

const COLUMNS: [&str; 11] = [
    "id",
    "at",
    "operation",
    "userId",
    "actor",
    "impersonatorId",
    "impersonator",
    "means",
    "subject",
    "arguments",
    "origin",
];

fn csv_text(entries: &[AuditEntry], with_head: bool) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_head {
        writer.write_record(COLUMNS).map_err(unwritable)?;
    }
    for entry in entries {
        let at = entry.creation_time.to_string();
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let fields = [
            entry.id.to_string(),
            at,
            entry.operation.clone(),
            optional(&entry.user_id),
            entry.actor.clone(),
            optional(&entry.impersonator_id),
            optional(&entry.impersonator),
            entry.means.clone(),
            optional(&entry.subject),
            entry.arguments.clone(),
            optional(&entry.origin),
        ];
        writer.write_record(fields.iter().map(|field| harmless(field))).map_err(unwritable)?;
    }
    let bytes = writer.into_inner().map_err(|error| unwritable(error.into_error()))?;
    String::from_utf8(bytes).map_err(unwritable)
}

/// Spreadsheets run what begins like a formula: a quote before it makes it a text.
fn harmless(field: &str) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{field}") } else { field.to_owned() }
}

fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("export_unwritable", "the audit log cannot be written as a file").source(error)
}
