//! Every statement on invitations, one function each. `$1` is the organization wherever a statement names `invitations`;
//! `invitations_index` belongs to the installation.

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::{Error, OrgId, Result, Role, Time};

use super::{Invitation, InvitationId, PendingInvitation};
use crate::customers::CustomerId;

/// An entry of the installation's index of open invitations.
pub(super) struct IndexEntry {
    pub id: InvitationId,
    pub organization: OrgId,
}

pub(super) async fn pending(db: &mut Reader, now: Time, limit: i64) -> Result<Vec<PendingInvitation>> {
    db.query(
        "select i.org_id, i.id, i.email, i.role, i.customer_id, i.inviter_id, i.created_ms, i.expires_ms,
             c.name as customer_name
         from invitations i left join customers c on c.org_id = i.org_id and c.id = i.customer_id
         where i.org_id = $1 and i.ended_ms is null and i.expires_ms > $2
         order by i.created_ms desc, i.id desc limit $3",
    )
    .bind(now)
    .bind(limit)
    .all()
    .await
}

pub(super) async fn page(db: &mut Reader, now: Time, range: &Range) -> Result<Vec<PendingInvitation>> {
    let asked = db
        .query(
            "select i.org_id, i.id, i.email, i.role, i.customer_id, i.inviter_id, i.created_ms, i.expires_ms,
                 c.name as customer_name
             from invitations i left join customers c on c.org_id = i.org_id and c.id = i.customer_id
             where i.org_id = $1 and i.ended_ms is null and i.expires_ms > $2
                 and (i.created_ms, i.id) < ($3, $4) and (i.created_ms, i.id) >= ($5, $6)
             order by i.created_ms desc, i.id desc limit $7",
        )
        .bind(now);
    range.bind_descending(asked).all().await
}

/// Returns the invitation to this address that is neither accepted nor revoked; it may have expired.
pub(super) async fn open(db: &mut Reader, email: &str) -> Result<Option<Invitation>> {
    db.query(
        "select org_id, id, email, role, customer_id, inviter_id, created_ms, expires_ms from invitations
         where org_id = $1 and email = $2 and ended_ms is null",
    )
    .bind(email)
    .optional()
    .await
}

/// Returns the invitation of this id, unless it was accepted or revoked.
pub(super) async fn find_open(db: &mut Reader, invitation: &InvitationId) -> Result<Option<Invitation>> {
    db.query(
        "select org_id, id, email, role, customer_id, inviter_id, created_ms, expires_ms from invitations
         where org_id = $1 and id = $2 and ended_ms is null",
    )
    .bind(invitation)
    .optional()
    .await
}

/// Returns the number of pending invitations, by role.
pub(super) async fn counts(db: &mut Reader, now: Time) -> Result<Vec<(Role, i64)>> {
    let rows = db
        .query(
            "select role, count(*) as n from invitations
             where org_id = $1 and ended_ms is null and expires_ms > $2 group by role",
        )
        .bind(now)
        .rows()
        .await?;
    rows.iter().map(|row| Ok((role(row)?, row.int("n")?))).collect()
}

pub(super) async fn count_pending_of(db: &mut Reader, customer: &CustomerId, now: Time) -> Result<i64> {
    let row = db
        .query(
            "select count(*) as n from invitations
             where org_id = $1 and customer_id = $2 and ended_ms is null and expires_ms > $3",
        )
        .bind(customer)
        .bind(now)
        .row()
        .await?;
    row.map_or(Ok(0), |row| row.int("n"))
}

pub(super) async fn insert(tx: &mut Tx, invitation: &Invitation) -> Result<()> {
    tx.query(
        "insert into invitations (org_id, id, email, role, customer_id, inviter_id, created_ms, expires_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&invitation.id)
    .bind(&invitation.email)
    .bind(invitation.role.as_str())
    .bind(invitation.customer_id.as_ref())
    .bind(invitation.inviter_user_id.as_ref())
    .bind(invitation.created_at)
    .bind(invitation.expires_at)
    .execute()
    .await?;
    tx.system(
        "insert into invitations_index (invitation_id, organization, email, created_ms, expires_ms)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(&invitation.id)
    .bind(&invitation.org_id)
    .bind(&invitation.email)
    .bind(invitation.created_at)
    .bind(invitation.expires_at)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn extend(tx: &mut Tx, invitation: &InvitationId, expires: Time) -> Result<()> {
    tx.query("update invitations set expires_ms = $3 where org_id = $1 and id = $2")
        .bind(invitation)
        .bind(expires)
        .execute()
        .await?;
    tx.system("update invitations_index set expires_ms = $2 where invitation_id = $1")
        .bind(invitation)
        .bind(expires)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn end(tx: &mut Tx, invitation: &InvitationId, now: Time) -> Result<()> {
    tx.query("update invitations set ended_ms = $3 where org_id = $1 and id = $2")
        .bind(invitation)
        .bind(now)
        .execute()
        .await?;
    tx.system("delete from invitations_index where invitation_id = $1").bind(invitation).execute().await.map(drop)
}

/// Lets nobody find the invitations of an organization any more.
pub(super) async fn delete_index_of(tx: &mut Tx, organization: &OrgId) -> Result<()> {
    let delete = tx.system("delete from invitations_index where organization = $1");
    delete.bind(organization).execute().await.map(drop)
}

/// Where the invitations are that an address can accept, newest first.
pub(super) async fn sent_to(db: &mut Reader, email: &str, now: Time) -> Result<Vec<IndexEntry>> {
    db.system(
        "select invitation_id, organization from invitations_index where email = $1 and expires_ms > $2
         order by created_ms desc, invitation_id desc limit 100",
    )
    .bind(email)
    .bind(now)
    .all()
    .await
}

fn role(row: &Row) -> Result<Role> {
    let text = row.text("role")?;
    Role::parse(&text).map_err(|_| Error::internal("invitation_role", format!("there is no role called {text}")))
}

impl FromRow for IndexEntry {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.id("invitation_id")?, organization: row.id("organization")? })
    }
}

impl FromRow for Invitation {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            email: row.text("email")?,
            org_id: row.id("org_id")?,
            role: role(row)?,
            customer_id: row.opt_id("customer_id")?,
            inviter_user_id: row.opt_id("inviter_id")?,
            created_at: row.time("created_ms")?,
            expires_at: row.time("expires_ms")?,
        })
    }
}

impl FromRow for PendingInvitation {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { invitation: Invitation::from_row(row)?, customer_name: row.opt_text("customer_name")? })
    }
}
