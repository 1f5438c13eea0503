//! The statements on pairs of a key and a value.

use ::store::{Reader, Tx};
use kernel::{Error, Result};
use serde_json::Value;

pub(super) async fn get(db: &mut Reader, key: &str) -> Result<Option<Value>> {
    let query = db.query("select value from pairs where org_id = $1 and key = $2");
    let Some(row) = query.bind(key).row().await? else { return Ok(None) };
    serde_json::from_str(&row.text("value")?)
        .map(Some)
        .map_err(|error| Error::internal("value_unreadable", "a stored value is not JSON").source(error))
}

pub(super) async fn set(tx: &mut Tx, key: &str, value: &Value) -> Result<()> {
    tx.query(
        "insert into pairs (org_id, key, value) values ($1, $2, $3)
         on conflict (org_id, key) do update set value = excluded.value",
    )
    .bind(key)
    .bind(value.to_string())
    .execute()
    .await
    .map(drop)
}
