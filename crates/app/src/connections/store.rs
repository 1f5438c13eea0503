//! The statements on connections.

use ::store::{FromRow, Reader, Row, Tx};
use kernel::Result;

use super::Connection;

/// Inserts a connection. Returns false when the organization has one to this account already.
pub(super) async fn insert(tx: &mut Tx, connection: &Connection) -> Result<bool> {
    let inserted = tx
        .query(
            "insert into connections (org_id, id, provider, account, name, created_ms) values ($1, $2, $3, $4, $5, $6)
             on conflict (org_id, provider, account) do nothing",
        )
        .bind(&connection.id)
        .bind(&connection.provider)
        .bind(&connection.account)
        .bind(&connection.name)
        .bind(connection.creation_time)
        .execute()
        .await?;
    Ok(inserted == 1)
}

pub(super) async fn all(tx: &mut Reader) -> Result<Vec<Connection>> {
    tx.query(
        "select id, provider, account, name, created_ms from connections where org_id = $1 order by created_ms, id",
    )
    .all()
    .await
}

impl FromRow for Connection {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            provider: row.text("provider")?,
            account: row.text("account")?,
            name: row.text("name")?,
        })
    }
}
