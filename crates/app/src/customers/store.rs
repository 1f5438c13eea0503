//! Every statement on customers, one function each. `$1` is always the organization.
//!
//! In statements that read for a caller, `$2` to `$4` say which customers the caller sees: see `Visibility`.

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::Result;

use super::{
    Customer, CustomerId, Notes,
    model::{Visibility, recognised_by},
};
use crate::{Email, Name};

pub(super) async fn list(db: &mut Reader, sight: &Visibility, limit: i64) -> Result<Vec<Customer>> {
    let (all, own, staff) = sight.clause();
    db.query(
        "select c.org_id, c.id, c.name, c.email, c.notes, c.created_ms, c.updated_ms from customers c
         where c.org_id = $1
             and ($2 = 1 or c.id = $3 or exists (
                 select 1 from assignments a
                 where a.org_id = c.org_id and a.customer_id = c.id and a.user_id = $4))
         order by c.created_ms desc, c.id desc limit $5",
    )
    .bind(all)
    .bind(own)
    .bind(staff)
    .bind(limit)
    .all()
    .await
}

pub(super) async fn page(db: &mut Reader, sight: &Visibility, search: &str, range: &Range) -> Result<Vec<Customer>> {
    let (all, own, staff) = sight.clause();
    let asked = db
        .query(
            "select c.org_id, c.id, c.name, c.email, c.notes, c.created_ms, c.updated_ms from customers c
             where c.org_id = $1
                 and ($2 = 1 or c.id = $3 or exists (
                     select 1 from assignments a
                     where a.org_id = c.org_id and a.customer_id = c.id and a.user_id = $4))
                 and c.searched like $5 escape '!'
                 and (c.created_ms, c.id) < ($6, $7) and (c.created_ms, c.id) >= ($8, $9)
             order by c.created_ms desc, c.id desc limit $10",
        )
        .bind(all)
        .bind(own)
        .bind(staff)
        .bind(containing(search));
    range.bind_descending(asked).all().await
}

pub(super) async fn find(db: &mut Reader, customer: &CustomerId, sight: &Visibility) -> Result<Option<Customer>> {
    let (all, own, staff) = sight.clause();
    db.query(
        "select c.org_id, c.id, c.name, c.email, c.notes, c.created_ms, c.updated_ms from customers c
         where c.org_id = $1
             and ($2 = 1 or c.id = $3 or exists (
                 select 1 from assignments a
                 where a.org_id = c.org_id and a.customer_id = c.id and a.user_id = $4))
             and c.id = $5",
    )
    .bind(all)
    .bind(own)
    .bind(staff)
    .bind(customer)
    .optional()
    .await
}

pub(super) async fn count(db: &mut Reader) -> Result<i64> {
    let row = db.query("select count(*) as n from customers where org_id = $1").row().await?;
    row.map_or(Ok(0), |row| row.int("n"))
}

pub(super) async fn is_recognised(db: &mut Reader, key: &str) -> Result<bool> {
    let found = db.query("select 1 from customers where org_id = $1 and recognised_by = $2 limit 1").bind(key);
    Ok(found.row().await?.is_some())
}

/// Returns the keys by which all customers are recognised.
pub(super) async fn recognised(db: &mut Reader) -> Result<Vec<String>> {
    let rows = db.query("select recognised_by from customers where org_id = $1").rows().await?;
    rows.iter().map(|row| row.text("recognised_by")).collect()
}

pub(super) async fn insert(tx: &mut Tx, customer: &Customer) -> Result<()> {
    tx.query(
        "insert into customers (org_id, id, name, email, notes, searched, recognised_by, created_ms, updated_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&customer.id)
    .bind(customer.name.as_str())
    .bind(customer.email.as_ref().map(Email::as_str))
    .bind(customer.notes.as_ref().map(Notes::as_str))
    .bind(customer.searched())
    .bind(recognised_by(&customer.name, customer.email.as_ref()))
    .bind(customer.created_at)
    .bind(customer.updated_at)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn update(tx: &mut Tx, customer: &Customer) -> Result<()> {
    tx.query(
        "update customers set name = $3, email = $4, notes = $5, searched = $6, recognised_by = $7,
             updated_ms = $8
         where org_id = $1 and id = $2",
    )
    .bind(&customer.id)
    .bind(customer.name.as_str())
    .bind(customer.email.as_ref().map(Email::as_str))
    .bind(customer.notes.as_ref().map(Notes::as_str))
    .bind(customer.searched())
    .bind(recognised_by(&customer.name, customer.email.as_ref()))
    .bind(customer.updated_at)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn delete(tx: &mut Tx, customer: &CustomerId) -> Result<()> {
    tx.query("delete from customers where org_id = $1 and id = $2").bind(customer).execute().await.map(drop)
}

/// Returns the `like` pattern for texts that contain `search`, with its special characters escaped.
fn containing(search: &str) -> String {
    let mut pattern = String::from("%");
    for c in search.trim().to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

impl FromRow for Customer {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            org_id: row.id("org_id")?,
            name: Name::parse(&row.text("name")?)?,
            email: row.opt_text("email")?.as_deref().map(Email::parse).transpose()?,
            notes: row.opt_text("notes")?.as_deref().map(Notes::parse).transpose()?,
            created_at: row.time("created_ms")?,
            updated_at: row.time("updated_ms")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_taken_by_the_letter() {
        assert_eq!(containing(" 100%_Sure! "), "%100!%!_sure!!%");
    }
}
