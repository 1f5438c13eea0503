//! Prints a preview and a result.

use app::customer_files::{CustomerImport, ImportStatus, Preview, RowError};
use kernel::{Error, Page, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::call;
use crate::{operations::Target, output};

/// The greatest number of errors that people are shown; with `--json` all are printed.
const SHOWN: usize = 20;

pub(super) fn preview(preview: &Preview, json: bool) -> Result<()> {
    if json {
        output::say(value(preview)?);
        return Ok(());
    }
    let columns = [
        ("name", Some(&preview.name_column)),
        ("email", preview.email_column.as_ref()),
        ("notes", preview.notes_column.as_ref()),
    ];
    let columns = columns.iter().filter_map(|(field, title)| title.map(|title| format!("{field} from {title:?}")));
    output::say(columns.collect::<Vec<_>>().join(", "));
    if !preview.ignored_columns.is_empty() {
        output::say(format_args!("not imported: {}", preview.ignored_columns.join(", ")));
    }
    output::say(format_args!("\n{} of {} rows would become customers", preview.valid, preview.rows));
    if !preview.first.is_empty() {
        output::rows(false, &["line", "name", "email", "notes"], &preview.first)?;
    }
    if preview.rejected > 0 {
        output::say(format_args!("\n{} rows would not", preview.rejected));
        errors(&preview.errors, "correct the file, and look again")?;
    }
    if !preview.room.is_enough {
        let room = (preview.room.max - preview.room.count).max(0);
        output::say(format_args!("\nthe plan has room for {room} more: the others would be left out"));
    }
    Ok(())
}

pub(super) async fn outcome(target: &Target, import: &CustomerImport, json: bool) -> Result<()> {
    if json {
        let mut shown = value(import)?;
        shown["errors"] = value(&all_errors(target, import).await?)?;
        output::say(shown);
        return Ok(());
    }
    let CustomerImport { id, imported, rejected, rows, .. } = import;
    if import.status == ImportStatus::Cancelled {
        output::say("the import was cancelled");
    }
    output::say(format_args!("imported {imported} of {rows} rows"));
    if *rejected > 0 {
        output::say(format_args!("\n{rejected} rows were left out"));
        let first = page(target, import, Value::Null, SHOWN + 1).await?;
        errors(&first.page, &format!("see customers page-import-errors --import-id {id}"))?;
    }
    Ok(())
}

/// Prints the first errors as a table, and `then` where there are more.
fn errors(errors: &[RowError], then: &str) -> Result<()> {
    output::rows(false, &["line", "column", "message"], &errors[..errors.len().min(SHOWN)])?;
    if errors.len() > SHOWN {
        output::say(format_args!("… and more: {then}"));
    }
    Ok(())
}

async fn all_errors(target: &Target, import: &CustomerImport) -> Result<Vec<RowError>> {
    let (mut all, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let part = page(target, import, cursor, 1000).await?;
        all.extend(part.page);
        if part.is_done {
            return Ok(all);
        }
        cursor = part.continue_cursor.into();
    }
}

async fn page(target: &Target, import: &CustomerImport, cursor: Value, rows: usize) -> Result<Page<RowError>> {
    let asked = json!({ "importId": import.id, "paginationOpts": { "numItems": rows, "cursor": cursor } });
    call(target, "customers:pageImportErrors", asked).await
}

fn value<T: Serialize>(shown: &T) -> Result<Value> {
    serde_json::to_value(shown)
        .map_err(|error| Error::internal("unprintable", "an import cannot be printed").source(error))
}
