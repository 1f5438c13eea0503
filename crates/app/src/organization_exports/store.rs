//! Every statement on exports, one function each. `$1` is always the organization.

use ::store::{ColumnKind, Engine, FromRow, Reader, Row, TableSchema, Tx};
use engine::Range;
use kernel::{Error, Result, Time};
use serde_json::Value as Json;

use super::{ExportId, ExportStatus, OrganizationExport, model::Mark, queries::KeptPart};

pub(super) async fn insert(tx: &mut Tx, export: &OrganizationExport) -> Result<()> {
    tx.query(
        "insert into organization_exports (org_id, id, started_by, status, created_ms, expires_ms)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&export.id)
    .bind(&export.started_by)
    .bind(export.status.as_str())
    .bind(export.creation_time)
    .bind(export.expires_at)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn find(db: &mut Reader, export: &ExportId) -> Result<Option<OrganizationExport>> {
    db.query(
        "select id, started_by, status, tables_done, tables_total, rows_written, bytes_written, created_ms, finished_ms,
             expires_ms
         from organization_exports where org_id = $1 and id = $2",
    )
    .bind(export)
    .optional()
    .await
}

/// The one that is being written; there is never more than one.
pub(super) async fn find_running(db: &mut Reader) -> Result<Option<OrganizationExport>> {
    db.query(
        "select id, started_by, status, tables_done, tables_total, rows_written, bytes_written, created_ms, finished_ms,
             expires_ms
         from organization_exports where org_id = $1 and status = 'running'",
    )
    .optional()
    .await
}

/// The newest one that is done and can still be downloaded.
pub(super) async fn find_done(db: &mut Reader, now: Time) -> Result<Option<OrganizationExport>> {
    db.query(
        "select id, started_by, status, tables_done, tables_total, rows_written, bytes_written, created_ms, finished_ms,
             expires_ms
         from organization_exports where org_id = $1 and status = 'done' and expires_ms > $2
         order by created_ms desc, id desc limit 1",
    )
    .bind(now)
    .optional()
    .await
}

pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<OrganizationExport>> {
    let asked = db.query(
        "select id, started_by, status, tables_done, tables_total, rows_written, bytes_written, created_ms, finished_ms,
             expires_ms
         from organization_exports
         where org_id = $1 and (created_ms, id) < ($2, $3) and (created_ms, id) >= ($4, $5)
         order by created_ms desc, id desc limit $6",
    );
    range.bind_descending(asked).all().await
}

/// An export with the mark of how far its writing has come.
pub(super) async fn progress(tx: &mut Tx, export: &ExportId) -> Result<Option<(OrganizationExport, Mark)>> {
    let row = tx
        .query(
            "select id, started_by, status, tables_done, tables_total, rows_written, bytes_written, created_ms,
                 finished_ms, expires_ms, table_name, after_key, part
             from organization_exports where org_id = $1 and id = $2",
        )
        .bind(export)
        .row()
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mark = Mark { table: row.text("table_name")?, after: row.opt_text("after_key")?, part: row.int("part")? };
    Ok(Some((OrganizationExport::from_row(&row)?, mark)))
}

pub(super) async fn advance(tx: &mut Tx, export: &OrganizationExport, mark: &Mark) -> Result<()> {
    tx.query(
        "update organization_exports set status = $3, tables_done = $4, tables_total = $5, rows_written = $6,
             bytes_written = $7, finished_ms = $8, table_name = $9, after_key = $10, part = $11
         where org_id = $1 and id = $2",
    )
    .bind(&export.id)
    .bind(export.status.as_str())
    .bind(export.tables_done)
    .bind(export.tables)
    .bind(export.rows)
    .bind(export.bytes)
    .bind(export.finished_at)
    .bind(&mark.table)
    .bind(mark.after.as_deref())
    .bind(mark.part)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn insert_part(tx: &mut Tx, export: &ExportId, number: i64, data: Vec<u8>) -> Result<()> {
    tx.query("insert into organization_export_parts (org_id, export_id, number, data) values ($1, $2, $3, $4)")
        .bind(export)
        .bind(number)
        .bind(data)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn parts(db: &mut Reader, export: &ExportId, range: &Range) -> Result<Vec<KeptPart>> {
    let asked = db
        .query(
            "select number, data from organization_export_parts
             where org_id = $1 and export_id = $2 and (number, '') > ($3, $4) and (number, '') <= ($5, $6)
             order by number limit $7",
        )
        .bind(export);
    range.bind_ascending(asked).all().await
}

/// The organization, what other systems call it, and its people, each as a line of JSON.
pub(super) async fn organization(tx: &mut Tx) -> Result<Vec<String>> {
    let organization = tx.scope().organization().cloned().ok_or_else(::store::no_organization)?;
    let mut lines = Vec::new();
    for row in tx
        .system("select id, name, billing_email, created_ms from organizations where id = $1")
        .bind(&organization)
        .rows()
        .await?
    {
        let (id, name, email) = (row.text("id")?, row.text("name")?, row.opt_text("billing_email")?);
        let created = row.int("created_ms")?;
        let line =
            serde_json::json!({ "organization": id, "name": name, "billing_email": email, "created_ms": created });
        lines.push(line.to_string());
    }
    for row in tx
        .system("select provider, external_id from organization_names where organization = $1 order by external_id")
        .bind(&organization)
        .rows()
        .await?
    {
        let line = serde_json::json!({ "provider": row.text("provider")?, "external_id": row.text("external_id")? });
        lines.push(line.to_string());
    }
    for row in tx
        .query(
            "select u.id, u.email, u.first_name, u.last_name from members m join users u on u.id = m.user_id
             where m.org_id = $1 order by u.id",
        )
        .rows()
        .await?
    {
        let [first, last] = ["first_name", "last_name"].map(|column| row.opt_text(column));
        let (user, email) = (row.text("id")?, row.text("email")?);
        let line = serde_json::json!({ "user": user, "email": email, "first_name": first?, "last_name": last? });
        lines.push(line.to_string());
    }
    Ok(lines)
}

/// The next rows of a table, in the order of its key, each as a line of JSON; and the key of the last one. `is_number` says it
/// of each column of the key.
pub(super) async fn rows(
    tx: &mut Tx,
    table: &TableSchema,
    key: &[String],
    is_number: &[bool],
    after: Option<&str>,
    most: i64,
) -> Result<(Vec<String>, Option<String>)> {
    let fields: Vec<_> = table
        .columns
        .iter()
        .map(|column| match (column.kind, tx.engine()) {
            (ColumnKind::Blob, Engine::Sqlite) => format!("'{0}', lower(hex({0}))", column.name),
            (ColumnKind::Blob, Engine::Postgres) => format!("'{0}', encode({0}, 'hex')", column.name),
            (ColumnKind::Text | ColumnKind::Int, _) => format!("'{0}', {0}", column.name),
        })
        .collect();
    let (object, keys) = match tx.engine() {
        Engine::Sqlite => ("json_object", "json_array"),
        Engine::Postgres => ("json_build_object", "json_build_array"),
    };
    let (fields, columns, name) = (fields.join(", "), key.join(", "), &table.name);
    let after: Option<Vec<Json>> = after.map(serde_json::from_str).transpose().map_err(unreadable)?;
    let behind = match &after {
        Some(_) if !key.is_empty() => {
            let values: Vec<_> = (0..key.len()).map(|at| format!("${}", at + 3)).collect();
            format!("and ({columns}) > ({})", values.join(", "))
        }
        Some(_) | None => String::new(),
    };
    let order = if key.is_empty() { "org_id" } else { columns.as_str() };
    let sql = format!(
        "select cast({object}({fields}) as text) as line, cast({keys}({columns}) as text) as place from {name}
         where org_id = $1 {behind} order by {order} limit $2"
    );
    let mut query = tx.query_built(sql).bind(most);
    for (value, is_number) in after.iter().flatten().zip(is_number) {
        query = match (is_number, value) {
            (true, value) => query.bind(value.as_i64().unwrap_or_default()),
            (false, value) => query.bind(value.as_str().unwrap_or_default()),
        };
    }
    let rows = query.rows().await?;
    let last = rows.last().map(|row| row.text("place")).transpose()?;
    let lines = rows.iter().map(|row| row.text("line")).collect::<Result<_>>()?;
    Ok((lines, last))
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::internal("export_mark", "the mark of an export cannot be read").source(error)
}

impl FromRow for OrganizationExport {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            started_by: row.text("started_by")?,
            status: ExportStatus::parse(&row.text("status")?)?,
            tables_done: row.int("tables_done")?,
            tables: row.int("tables_total")?,
            rows: row.int("rows_written")?,
            bytes: row.int("bytes_written")?,
            finished_at: row.opt_time("finished_ms")?,
            expires_at: row.time("expires_ms")?,
        })
    }
}

impl FromRow for KeptPart {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { number: row.int("number")?, data: row.opt_blob("data")?.unwrap_or_default() })
    }
}
