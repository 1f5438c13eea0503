//! Queries on the audit log.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route};
use kernel::{Access, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{AuditEntry, store};
use crate::export::{self, Part};

/// A page of the audit log, newest entry first.
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

/// The format of an export.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One line for each entry; the first part begins with a line of column names.
    Csv,
    /// One JSON object on each line.
    Jsonl,
}

/// A part of the audit log as a file. Concatenate the parts in order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportAudit {
    /// The format.
    pub format: ExportFormat,
    /// Which part.
    pub pagination_opts: PageOptions,
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
        text.push_str(&serde_json::to_string(entry).map_err(export::unwritable)?);
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
    let rows = entries.iter().map(|entry| {
        let at = entry.creation_time.to_string();
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        [
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
        ]
    });
    export::csv(with_head.then_some(&COLUMNS), rows)
}
