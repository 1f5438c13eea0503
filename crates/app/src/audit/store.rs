//! The statements on the audit log, which only inserts and reads.

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::Result;

use super::AuditEntry;

pub(super) async fn insert(tx: &mut Tx, entry: &AuditEntry) -> Result<()> {
    tx.query(
        "insert into audit_entries (org_id, id, at_ms, operation, user_id, actor, impersonator_id, impersonator, means,
             subject, arguments, origin)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&entry.id)
    .bind(entry.creation_time)
    .bind(&entry.operation)
    .bind(entry.user_id.clone())
    .bind(&entry.actor)
    .bind(entry.impersonator_id.clone())
    .bind(entry.impersonator.clone())
    .bind(&entry.means)
    .bind(entry.subject.clone())
    .bind(&entry.arguments)
    .bind(entry.origin.clone())
    .execute()
    .await
    .map(drop)
}

/// Returns the entries of a range, newest first.
pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<AuditEntry>> {
    let asked = db.query(
        "select id, at_ms, operation, user_id, actor, impersonator_id, impersonator, means, subject, arguments, origin
         from audit_entries where org_id = $1 and (at_ms, id) < ($2, $3) and (at_ms, id) >= ($4, $5)
         order by at_ms desc, id desc limit $6",
    );
    range.bind_descending(asked).all().await
}

impl FromRow for AuditEntry {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("at_ms")?,
            operation: row.text("operation")?,
            user_id: row.opt_text("user_id")?,
            actor: row.text("actor")?,
            impersonator_id: row.opt_text("impersonator_id")?,
            impersonator: row.opt_text("impersonator")?,
            means: row.text("means")?,
            subject: row.opt_text("subject")?,
            arguments: row.text("arguments")?,
            origin: row.opt_text("origin")?,
        })
    }
}
