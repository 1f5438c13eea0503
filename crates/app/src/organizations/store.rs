//! The statements on organizations. They belong to the installation: no scope.

use ::store::{FromRow, Row, Tx};
use kernel::{OrgId, Result};

use super::{ExternalId, Organization};

pub(super) async fn insert(tx: &mut Tx, organization: &Organization) -> Result<()> {
    tx.system("insert into organizations (id, name, created_ms) values ($1, $2, $3)")
        .bind(&organization.id)
        .bind(&organization.name)
        .bind(organization.creation_time)
        .execute()
        .await
        .map(drop)
}

/// False when the name is another's.
pub(super) async fn insert_name(tx: &mut Tx, organization: &OrgId, name: &ExternalId) -> Result<bool> {
    let inserted = tx
        .system(
            "insert into organization_names (external_id, provider, organization) values ($1, $2, $3)
             on conflict (external_id) do nothing",
        )
        .bind(&name.id)
        .bind(&name.provider)
        .bind(organization)
        .execute()
        .await?;
    Ok(inserted == 1)
}

pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Organization>> {
    tx.system("select id, name, created_ms from organizations order by created_ms, id").all().await
}

pub(super) async fn ids(tx: &mut Tx) -> Result<Vec<OrgId>> {
    let rows = tx.system("select id from organizations order by id").rows().await?;
    rows.iter().map(|row| row.id("id")).collect()
}

pub(super) async fn one(tx: &mut Tx, id: &OrgId) -> Result<Option<Organization>> {
    tx.system("select id, name, created_ms from organizations where id = $1").bind(id).optional().await
}

pub(super) async fn names(tx: &mut Tx, organization: &OrgId) -> Result<Vec<ExternalId>> {
    tx.system(
        "select provider, external_id from organization_names where organization = $1 order by provider, external_id",
    )
    .bind(organization)
    .all()
    .await
}

pub(super) async fn id_of(tx: &mut Tx, name: &str) -> Result<Option<OrgId>> {
    let row = tx
        .system(
            "select id from organizations where id = $1
             union select organization as id from organization_names where external_id = $1",
        )
        .bind(name)
        .row()
        .await?;
    row.map(|row| row.id("id")).transpose()
}

impl FromRow for Organization {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            name: row.text("name")?,
            external_ids: Vec::new(),
        })
    }
}

impl FromRow for ExternalId {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { provider: row.text("provider")?, id: row.text("external_id")? })
    }
}
