//! The statements on API keys.

use ::store::{FromRow, Reader, Row, Tx};
use kernel::{Error, OrgId, Result, Role, Time};

use super::{ApiKey, model::ApiKeyId};

/// The columns that decide whether a hash is valid.
pub(super) struct KeyRow {
    pub hash: String,
    pub previous_hash: Option<String>,
    pub previous_until: Option<Time>,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
    pub last_used_at: Option<Time>,
    pub role: Role,
    pub scopes: Vec<String>,
}

pub(super) async fn insert(tx: &mut Tx, key: &ApiKey, hash: &str, by: Option<String>) -> Result<()> {
    tx.query(
        "insert into api_keys (org_id, id, name, role, scopes, hash, hint, created_ms, created_by, expires_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&key.id)
    .bind(&key.name)
    .bind(key.role.as_str())
    .bind(serde_json::json!(key.scopes).to_string())
    .bind(hash)
    .bind(&key.hint)
    .bind(key.creation_time)
    .bind(by)
    .bind(key.expires_at)
    .execute()
    .await
    .map(drop)
}

/// Returns the keys, newest first.
pub(super) async fn all(db: &mut Reader, most: i64) -> Result<Vec<ApiKey>> {
    db.query(
        "select id, created_ms, name, role, scopes, hint, expires_ms, previous_until_ms, revoked_ms, last_used_ms
         from api_keys where org_id = $1 order by created_ms desc, id desc limit $2",
    )
    .bind(most)
    .all()
    .await
}

pub(super) async fn one(db: &mut Reader, id: &ApiKeyId) -> Result<Option<ApiKey>> {
    db.query(
        "select id, created_ms, name, role, scopes, hint, expires_ms, previous_until_ms, revoked_ms, last_used_ms
         from api_keys where org_id = $1 and id = $2",
    )
    .bind(id)
    .optional()
    .await
}

pub(super) async fn count(db: &mut Reader) -> Result<i64> {
    let row = db.query("select count(*) as keys from api_keys where org_id = $1 and revoked_ms is null").row().await?;
    row.map_or(Ok(0), |row| row.int("keys"))
}

pub(super) async fn find_key(db: &mut Reader, id: &ApiKeyId) -> Result<Option<KeyRow>> {
    db.query(
        "select hash, previous_hash, previous_until_ms, expires_ms, revoked_ms, last_used_ms, role, scopes
         from api_keys where org_id = $1 and id = $2",
    )
    .bind(id)
    .optional()
    .await
}

/// Stores the hash of the new text; the previous text stays valid until `previous_until`.
pub(super) async fn rotate(tx: &mut Tx, id: &ApiKeyId, hash: &str, hint: &str, previous_until: Time) -> Result<()> {
    tx.query(
        "update api_keys set previous_hash = hash, previous_until_ms = $3, hash = $4, hint = $5
         where org_id = $1 and id = $2",
    )
    .bind(id)
    .bind(previous_until)
    .bind(hash)
    .bind(hint)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn revoke(tx: &mut Tx, id: &ApiKeyId, now: Time) -> Result<()> {
    let update = tx.query(
        "update api_keys set revoked_ms = $3, previous_hash = null, previous_until_ms = null
         where org_id = $1 and id = $2 and revoked_ms is null",
    );
    update.bind(id).bind(now).execute().await.map(drop)
}

pub(super) async fn revoke_all(tx: &mut Tx, now: Time) -> Result<()> {
    let update = tx.query(
        "update api_keys set revoked_ms = $2, previous_hash = null, previous_until_ms = null
         where org_id = $1 and revoked_ms is null",
    );
    update.bind(now).execute().await.map(drop)
}

pub(super) async fn used(tx: &mut Tx, id: &ApiKeyId, now: Time) -> Result<()> {
    let update = tx.query("update api_keys set last_used_ms = $3 where org_id = $1 and id = $2");
    update.bind(id).bind(now).execute().await.map(drop)
}

pub(super) async fn point(tx: &mut Tx, hash: &str, organization: &OrgId, id: &ApiKeyId) -> Result<()> {
    tx.system("insert into api_key_hashes (hash, organization, api_key) values ($1, $2, $3)")
        .bind(hash)
        .bind(organization)
        .bind(id)
        .execute()
        .await
        .map(drop)
}

/// Deletes every hash of this key except those in `kept`.
pub(super) async fn forget_others(tx: &mut Tx, id: &ApiKeyId, kept: &[&str; 2]) -> Result<()> {
    tx.system("delete from api_key_hashes where api_key = $1 and hash <> $2 and hash <> $3")
        .bind(id)
        .bind(kept[0])
        .bind(kept[1])
        .execute()
        .await
        .map(drop)
}

/// Finds the organization and the key that have this hash.
pub(super) async fn owner(db: &mut Reader, hash: &str) -> Result<Option<(OrgId, ApiKeyId)>> {
    let query = db.system("select organization, api_key from api_key_hashes where hash = $1");
    let Some(row) = query.bind(hash).row().await? else { return Ok(None) };
    Ok(Some((row.id("organization")?, row.id("api_key")?)))
}

fn scopes(row: &Row) -> Result<Vec<String>> {
    serde_json::from_str(&row.text("scopes")?)
        .map_err(|error| Error::internal("scopes_unreadable", "the scopes of an API key are damaged").source(error))
}

impl FromRow for ApiKey {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            name: row.text("name")?,
            role: Role::parse(&row.text("role")?)?,
            scopes: scopes(row)?,
            hint: row.text("hint")?,
            expires_at: row.opt_time("expires_ms")?,
            previous_until: row.opt_time("previous_until_ms")?,
            revoked_at: row.opt_time("revoked_ms")?,
            last_used_at: row.opt_time("last_used_ms")?,
        })
    }
}

impl FromRow for KeyRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            hash: row.text("hash")?,
            previous_hash: row.opt_text("previous_hash")?,
            previous_until: row.opt_time("previous_until_ms")?,
            expires_at: row.opt_time("expires_ms")?,
            revoked_at: row.opt_time("revoked_ms")?,
            last_used_at: row.opt_time("last_used_ms")?,
            role: Role::parse(&row.text("role")?)?,
            scopes: scopes(row)?,
        })
    }
}
