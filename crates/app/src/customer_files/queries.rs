//! Previews a file, watches imports, and exports customers.

use async_trait::async_trait;
use engine::{Query, QueryCtx, get, operation::Route, post};
use kernel::{Access, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CustomerImport, ImportId, Reading, RowError,
    model::unknown,
    sheet::{Duplicates, Sheet},
    store,
    table::Separator,
};
use crate::{
    Email, Name,
    billing::{self, Seat},
    customers::{self, Customer, Notes, Visibility},
    export::{self, Part},
};

/// A part of the customers that you see as a CSV file, newest first. Concatenate the parts in order.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportCustomers {
    /// Which part.
    pub pagination_opts: PageOptions,
}

/// The column titles of an export. An import reads the name, the e-mail address and the notes.
const COLUMNS: [&str; 6] = ["id", "name", "email", "notes", "createdAt", "updatedAt"];

#[async_trait]
impl Query for ExportCustomers {
    const NAME: &'static str = "customers:export";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/customers/export");
    type Output = Part;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Part> {
        let (sight, options) = (Visibility::of(&ctx.reach()), self.pagination_opts);
        let page = ctx.page(&options, |db, range| Box::pin(async move { customers::seen(db, &sight, &range).await }));
        let page = page.await?;
        let head = options.cursor.is_none().then_some(&COLUMNS);
        let text = export::csv(head, page.page.into_iter().map(fields))?;
        Ok(Part { text, is_done: page.is_done, continue_cursor: page.continue_cursor })
    }
}

fn fields(customer: Customer) -> [String; 6] {
    let Customer { id, name, email, notes, created_at, updated_at, .. } = customer;
    [
        id.to_string(),
        name.to_string(),
        email.map_or_else(String::new, |email| email.to_string()),
        notes.map_or_else(String::new, |notes| notes.as_str().to_owned()),
        created_at.to_string(),
        updated_at.to_string(),
    ]
}

/// Preview an import of this file. Nothing is written.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewImport {
    /// The file: CSV with a first line of column titles, separated by commas, semicolons or tabs; up to 5 MB and 20,000
    /// rows.
    pub csv: String,
    /// How the file is read.
    #[serde(flatten)]
    pub reading: Reading,
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The separator between the fields of the file.
    pub separator: Separator,
    /// The title of the column with the names.
    pub name_column: String,
    /// The title of the column with the e-mail addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_column: Option<String>,
    /// The title of the column with the notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes_column: Option<String>,
    /// The titles of the columns that are not imported.
    pub ignored_columns: Vec<String>,
    /// The number of rows in the file.
    pub rows: i64,
    /// The number of rows that would become customers, as far as the plan allows.
    pub valid: i64,
    /// The number of rows that would be rejected.
    pub rejected: i64,
    /// The first rows that would become customers.
    pub first: Vec<PreviewedRow>,
    /// The first hundred errors of rows that would be rejected.
    pub errors: Vec<RowError>,
    /// Whether the plan allows that many customers.
    pub room: RoomFor,
}

/// A row that would become a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewedRow {
    /// The line of the file on which the row begins.
    pub line: i64,
    /// The name of the customer.
    pub name: Name,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// The notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Notes>,
}

/// The number of customers, and the limit of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomFor {
    /// The number of customers now.
    pub count: i64,
    /// The number of customers that the plan allows.
    pub max: i64,
    /// Whether all valid rows fit into the plan.
    pub is_enough: bool,
}

/// The number of rows that a preview shows.
const FIRST: usize = 10;
/// The number of errors that a preview shows.
const REASONS: usize = 100;

#[async_trait]
impl Query for PreviewImport {
    const NAME: &'static str = "customers:previewImport";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = post("/v1/customers/imports/preview");
    type Output = Preview;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Preview> {
        let Sheet { separator, columns, rows } = Sheet::read(&self.csv, &self.reading)?;
        let known = match self.reading.duplicates {
            Duplicates::Skip => customers::recognised(ctx.db).await?,
            Duplicates::Import => Default::default(),
        };
        let now = ctx.now();
        let (count, max) = billing::room(ctx.db, Seat::Customer, now).await?.counts();
        let total = rows.len();
        let (mut valid, mut first, mut errors) = (0, Vec::new(), Vec::new());
        for row in rows {
            match row.customer {
                Ok(customer) if known.contains(&customer.recognised_by()) => errors.push(RowError::known(row.line)),
                Ok(customer) => {
                    valid += 1;
                    if first.len() < FIRST {
                        let (name, email, notes) = (customer.name, customer.email, customer.notes);
                        first.push(PreviewedRow { line: row.line, name, email, notes });
                    }
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        errors.truncate(REASONS);
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        Ok(Preview {
            separator,
            name_column: columns.name.title,
            email_column: columns.email.map(|column| column.title),
            notes_column: columns.notes.map(|column| column.title),
            ignored_columns: columns.ignored,
            rows: total,
            valid,
            rejected: total - valid,
            first,
            errors,
            room: RoomFor { count, max, is_enough: count.saturating_add(valid) <= max },
        })
    }
}

/// The progress of an import.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetImportStatus {
    /// The import.
    pub import_id: ImportId,
}

#[async_trait]
impl Query for GetImportStatus {
    const NAME: &'static str = "customers:importStatus";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/customers/imports/{importId}");
    type Output = CustomerImport;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<CustomerImport> {
        store::find(ctx.db, &self.import_id).await?.ok_or_else(|| unknown(&self.import_id))
    }
}

/// The imports of your organization, page by page, the newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageImports {
    /// Which page.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageImports {
    const NAME: &'static str = "customers:pageImports";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/customers/imports");
    type Output = Page<CustomerImport>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<CustomerImport>> {
        ctx.page(&self.pagination_opts, |db, range| Box::pin(async move { store::page(db, &range).await })).await
    }
}

/// The errors of an import, page by page, in the order of the file.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageImportErrors {
    /// The import.
    pub import_id: ImportId,
    /// Which page.
    pub pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageImportErrors {
    const NAME: &'static str = "customers:pageImportErrors";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = get("/v1/customers/imports/{importId}/errors");
    type Output = Page<RowError>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<RowError>> {
        let import = self.import_id;
        store::find(ctx.db, &import).await?.ok_or_else(|| unknown(&import))?;
        let page = ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move { store::page_errors(db, &import, &range).await })
        });
        let Page { page, is_done, continue_cursor, split_cursor, page_status } = page.await?;
        let page = page.into_iter().map(|kept| kept.error).collect();
        Ok(Page { page, is_done, continue_cursor, split_cursor, page_status })
    }
}
