//! The statements on organizations. Their tables belong to the installation and have no tenant scope.

use ::store::{FromRow, Reader, Row, Tx};
use kernel::{OrgId, Result};

use super::{ExternalId, Organization, account::Details};
use crate::Email;

pub(super) async fn insert(tx: &mut Tx, organization: &Organization) -> Result<()> {
    tx.system("insert into organizations (id, name, created_ms) values ($1, $2, $3)")
        .only("organizations", &organization.id)
        .bind(&organization.id)
        .bind(&organization.name)
        .bind(organization.creation_time)
        .execute()
        .await
        .map(drop)
}

/// Adds an external id. Returns false when another organization has it.
pub(super) async fn insert_name(tx: &mut Tx, organization: &OrgId, name: &ExternalId) -> Result<bool> {
    let inserted = tx
        .system(
            "insert into organization_names (external_id, provider, organization) values ($1, $2, $3)
             on conflict (external_id) do nothing",
        )
        .only("organization_names", organization)
        .only("organization_names", &name.id)
        .bind(&name.id)
        .bind(&name.provider)
        .bind(organization)
        .execute()
        .await?;
    Ok(inserted == 1)
}

pub(super) async fn all(tx: &mut Reader) -> Result<Vec<Organization>> {
    tx.system(
        "select id, name, created_ms from organizations
         where not exists (select 1 from erasures e where e.organization = organizations.id) order by created_ms, id",
    )
    .all()
    .await
}

pub(super) async fn one(tx: &mut Reader, id: &OrgId) -> Result<Option<Organization>> {
    tx.system("select id, name, created_ms from organizations where id = $1")
        .only("organizations", id)
        .bind(id)
        .optional()
        .await
}

pub(super) async fn names(tx: &mut Reader, organization: &OrgId) -> Result<Vec<ExternalId>> {
    tx.system(
        "select provider, external_id from organization_names where organization = $1 order by provider, external_id",
    )
    .only("organization_names", organization)
    .bind(organization)
    .all()
    .await
}

pub(super) async fn id_of(tx: &mut Reader, name: &str) -> Result<Option<OrgId>> {
    let row = tx
        .system(
            "select id from organizations
             where id = $1 and not exists (select 1 from erasures e where e.organization = organizations.id)
             union select organization as id from organization_names where external_id = $1",
        )
        .only("organizations", name)
        .only("organization_names", name)
        .bind(name)
        .row()
        .await?;
    row.map(|row| row.id("id")).transpose()
}

/// Lets nobody find the organization by what other systems call it.
pub(super) async fn delete_names(tx: &mut Tx, organization: &OrgId) -> Result<()> {
    let delete = tx.system("delete from organization_names where organization = $1");
    delete.bind(organization).execute().await.map(drop)
}

pub(super) async fn details(db: &mut Reader, id: &OrgId) -> Result<Option<Details>> {
    db.system(
        "select name, billing_email, coalesce(updated_ms, created_ms) as updated_ms from organizations where id = $1",
    )
    .only("organizations", id)
    .bind(id)
    .optional()
    .await
}

pub(super) async fn set_details(tx: &mut Tx, id: &OrgId, details: &Details) -> Result<()> {
    tx.system("update organizations set name = $2, billing_email = $3, updated_ms = $4 where id = $1")
        .only("organizations", id)
        .bind(id)
        .bind(&details.name)
        .bind(details.billing_email.as_ref().map(Email::as_str))
        .bind(details.updated)
        .execute()
        .await
        .map(drop)
}

impl FromRow for Details {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            name: row.text("name")?,
            billing_email: row.opt_text("billing_email")?.as_deref().map(Email::parse).transpose()?,
            updated: row.time("updated_ms")?,
        })
    }
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
