//! The statements on settings.

use ::store::{Reader, Tx};
use kernel::{Error, Result, Time};

use super::Settings;

pub(super) async fn get(db: &mut Reader) -> Result<Settings> {
    let row = db.query("select value from organization_settings where org_id = $1").row().await?;
    let Some(row) = row else { return Ok(Settings::default()) };
    serde_json::from_str(&row.text("value")?)
        .map_err(|error| Error::internal("settings_unreadable", "stored settings are damaged").source(error))
}

pub(super) async fn set(tx: &mut Tx, settings: &Settings, now: Time) -> Result<()> {
    tx.query(
        "insert into organization_settings (org_id, value, updated_ms) values ($1, $2, $3)
         on conflict (org_id) do update set value = excluded.value, updated_ms = excluded.updated_ms",
    )
    .bind(serde_json::json!(settings).to_string())
    .bind(now)
    .execute()
    .await
    .map(drop)
}
