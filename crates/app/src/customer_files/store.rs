//! Every statement on imports of customers, one function each. `$1` is always the organization.

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::{Error, Result};

use super::{CustomerImport, ImportId, ImportStatus, Reading, RowError, model::StoredError};

/// The text of an import that is not over.
pub(super) struct File {
    pub csv: String,
    pub reading: Reading,
}

pub(super) async fn insert(tx: &mut Tx, import: &CustomerImport, file: &File) -> Result<()> {
    tx.query(
        "insert into customer_imports (org_id, id, file_name, started_by, status, rows_total, rows_done, imported, rejected,
             created_ms, updated_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&import.id)
    .bind(import.file_name.clone())
    .bind(&import.started_by)
    .bind(import.status.as_str())
    .bind(import.rows)
    .bind(import.done)
    .bind(import.imported)
    .bind(import.rejected)
    .bind(import.creation_time)
    .bind(import.updated_at)
    .execute()
    .await?;
    let reading = serde_json::to_string(&file.reading)
        .map_err(|error| Error::internal("import_unwritable", "an import cannot be written").source(error))?;
    tx.query("insert into customer_import_files (org_id, import_id, csv, reading) values ($1, $2, $3, $4)")
        .bind(&import.id)
        .bind(&file.csv)
        .bind(reading)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn find(db: &mut Reader, import: &ImportId) -> Result<Option<CustomerImport>> {
    db.query(
        "select id, file_name, started_by, status, rows_total, rows_done, imported, rejected, created_ms, updated_ms,
             finished_ms
         from customer_imports where org_id = $1 and id = $2",
    )
    .bind(import)
    .optional()
    .await
}

/// Returns the import that is not over; there is at most one.
pub(super) async fn find_running(db: &mut Reader) -> Result<Option<CustomerImport>> {
    db.query(
        "select id, file_name, started_by, status, rows_total, rows_done, imported, rejected, created_ms, updated_ms,
             finished_ms
         from customer_imports where org_id = $1 and status = 'running'",
    )
    .optional()
    .await
}

pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<CustomerImport>> {
    let asked = db.query(
        "select id, file_name, started_by, status, rows_total, rows_done, imported, rejected, created_ms, updated_ms,
             finished_ms
         from customer_imports
         where org_id = $1 and (created_ms, id) < ($2, $3) and (created_ms, id) >= ($4, $5)
         order by created_ms desc, id desc limit $6",
    );
    range.bind_descending(asked).all().await
}

pub(super) async fn file(db: &mut Reader, import: &ImportId) -> Result<Option<File>> {
    db.query("select csv, reading from customer_import_files where org_id = $1 and import_id = $2")
        .bind(import)
        .optional()
        .await
}

/// Moves the mark from `before` to `after`. Returns false when another transaction moved it and did this slice.
pub(super) async fn advance(tx: &mut Tx, before: &CustomerImport, after: &CustomerImport) -> Result<bool> {
    let changed = tx
        .query(
            "update customer_imports set status = $3, rows_done = $4, imported = $5, rejected = $6, updated_ms = $7,
                 finished_ms = $8
             where org_id = $1 and id = $2 and status = 'running' and rows_done = $9",
        )
        .bind(&before.id)
        .bind(after.status.as_str())
        .bind(after.done)
        .bind(after.imported)
        .bind(after.rejected)
        .bind(after.updated_at)
        .bind(after.finished_at)
        .bind(before.done)
        .execute()
        .await?;
    Ok(changed == 1)
}

pub(super) async fn drop_file(tx: &mut Tx, import: &ImportId) -> Result<()> {
    tx.query("delete from customer_import_files where org_id = $1 and import_id = $2")
        .bind(import)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn insert_errors(tx: &mut Tx, import: &ImportId, errors: &[RowError]) -> Result<()> {
    for (place, error) in errors.iter().enumerate() {
        tx.query(
            "insert into customer_import_errors (org_id, import_id, line, place, column_name, code, message)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(import)
        .bind(error.line)
        .bind(format!("{place:03}"))
        .bind(error.column.clone())
        .bind(&error.code)
        .bind(&error.message)
        .execute()
        .await?;
    }
    Ok(())
}

pub(super) async fn page_errors(db: &mut Reader, import: &ImportId, range: &Range) -> Result<Vec<StoredError>> {
    let asked = db
        .query(
            "select line, place, column_name, code, message from customer_import_errors
             where org_id = $1 and import_id = $2 and (line, place) > ($3, $4) and (line, place) <= ($5, $6)
             order by line, place limit $7",
        )
        .bind(import);
    range.bind_ascending(asked).all().await
}

impl FromRow for CustomerImport {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            file_name: row.opt_text("file_name")?,
            started_by: row.text("started_by")?,
            status: ImportStatus::parse(&row.text("status")?)?,
            rows: row.int("rows_total")?,
            done: row.int("rows_done")?,
            imported: row.int("imported")?,
            rejected: row.int("rejected")?,
            updated_at: row.time("updated_ms")?,
            finished_at: row.opt_time("finished_ms")?,
        })
    }
}

impl FromRow for File {
    fn from_row(row: &Row) -> Result<Self> {
        let reading = serde_json::from_str(&row.text("reading")?)
            .map_err(|error| Error::internal("import_unreadable", "an import cannot be read back").source(error))?;
        Ok(Self { csv: row.text("csv")?, reading })
    }
}

impl FromRow for StoredError {
    fn from_row(row: &Row) -> Result<Self> {
        let error = RowError {
            line: row.int("line")?,
            column: row.opt_text("column_name")?,
            code: row.text("code")?,
            message: row.text("message")?,
        };
        Ok(Self { place: row.text("place")?, error })
    }
}
