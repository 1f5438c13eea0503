//! Every statement on assignments, one function each. `$1` is always the organization.

use ::store::{FromRow, Reader, Row, Tx};
use kernel::{Result, Time};

use super::{Assigned, AssignmentId};
use crate::{
    customers::CustomerId,
    users::{Colleague, UserId},
};

pub(super) async fn assigned(db: &mut Reader, customer: &CustomerId, limit: i64) -> Result<Vec<Assigned>> {
    db.query(
        "select a.id as assignment_id, u.id, u.first_name, u.last_name, u.email
         from assignments a join users u on u.id = a.user_id
         where a.org_id = $1 and a.customer_id = $2 order by a.created_ms, a.id limit $3",
    )
    .bind(customer)
    .bind(limit)
    .all()
    .await
}

pub(super) async fn available(db: &mut Reader, customer: &CustomerId, limit: i64) -> Result<Vec<Colleague>> {
    db.query(
        "select u.id, u.first_name, u.last_name, u.email from members m join users u on u.id = m.user_id
         where m.org_id = $1 and m.role = 'staff' and m.removed_ms is null
             and not exists (
                 select 1 from assignments a
                 where a.org_id = m.org_id and a.user_id = m.user_id and a.customer_id = $2)
         order by m.joined_ms, u.id limit $3",
    )
    .bind(customer)
    .bind(limit)
    .all()
    .await
}

pub(super) async fn find(db: &mut Reader, customer: &CustomerId, user: &UserId) -> Result<Option<Assigned>> {
    db.query(
        "select a.id as assignment_id, u.id, u.first_name, u.last_name, u.email
         from assignments a join users u on u.id = a.user_id
         where a.org_id = $1 and a.customer_id = $2 and a.user_id = $3",
    )
    .bind(customer)
    .bind(user)
    .optional()
    .await
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: &AssignmentId,
    customer: &CustomerId,
    user: &UserId,
    now: Time,
) -> Result<()> {
    tx.query(
        "insert into assignments (org_id, id, customer_id, user_id, created_ms) values ($1, $2, $3, $4, $5)
         on conflict (org_id, customer_id, user_id) do nothing",
    )
    .bind(id)
    .bind(customer)
    .bind(user)
    .bind(now)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn delete(tx: &mut Tx, assignment: &AssignmentId) -> Result<()> {
    tx.query("delete from assignments where org_id = $1 and id = $2").bind(assignment).execute().await.map(drop)
}

pub(super) async fn delete_of_customer(tx: &mut Tx, customer: &CustomerId) -> Result<()> {
    tx.query("delete from assignments where org_id = $1 and customer_id = $2").bind(customer).execute().await.map(drop)
}

pub(super) async fn delete_of_staff(tx: &mut Tx, user: &UserId) -> Result<()> {
    tx.query("delete from assignments where org_id = $1 and user_id = $2").bind(user).execute().await.map(drop)
}

impl FromRow for Colleague {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            first_name: row.opt_text("first_name")?,
            last_name: row.opt_text("last_name")?,
            email: row.text("email")?,
        })
    }
}

impl FromRow for Assigned {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { assignment_id: row.id("assignment_id")?, colleague: Colleague::from_row(row)? })
    }
}
