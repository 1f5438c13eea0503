//! The statements on items.

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::Result;

use super::Item;

pub(crate) async fn insert(tx: &mut Tx, item: &Item) -> Result<()> {
    tx.query("insert into items (org_id, id, tag, text, n) values ($1, $2, $3, $4, $5)")
        .bind(&item.id)
        .bind(&item.tag)
        .bind(&item.text)
        .bind(item.n)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn clear(tx: &mut Tx, tag: &str) -> Result<u64> {
    tx.query("delete from items where org_id = $1 and tag = $2").bind(tag).execute().await
}

pub(super) async fn all(db: &mut Reader, most: i64) -> Result<Vec<Item>> {
    let query = db.query("select id, tag, text, n from items where org_id = $1 order by n, id limit $2");
    query.bind(most).all().await
}

pub(super) async fn tagged(db: &mut Reader, tag: &str, most: i64) -> Result<Vec<Item>> {
    let query = db.query("select id, tag, text, n from items where org_id = $1 and tag = $2 order by n, id limit $3");
    query.bind(tag).bind(most).all().await
}

pub(super) async fn count(db: &mut Reader) -> Result<i64> {
    number(db.query("select count(*) as items from items where org_id = $1").row().await?)
}

pub(super) async fn count_tagged(db: &mut Reader, tag: &str) -> Result<i64> {
    let query = db.query("select count(*) as items from items where org_id = $1 and tag = $2");
    number(query.bind(tag).row().await?)
}

pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<Item>> {
    let asked = db.query(
        "select id, tag, text, n from items where org_id = $1 and (n, id) > ($2, $3) and (n, id) <= ($4, $5)
         order by n, id limit $6",
    );
    range.bind_ascending(asked).all().await
}

pub(super) async fn page_tagged(db: &mut Reader, tag: &str, range: &Range) -> Result<Vec<Item>> {
    let asked = db.query(
        "select id, tag, text, n from items where org_id = $1 and tag = $2 and (n, id) > ($3, $4) and (n, id) <= ($5, $6)
         order by n, id limit $7",
    )
    .bind(tag);
    range.bind_ascending(asked).all().await
}

fn number(row: Option<Row>) -> Result<i64> {
    row.map_or(Ok(0), |row| row.int("items"))
}

impl FromRow for Item {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.id("id")?, tag: row.text("tag")?, text: row.text("text")?, n: row.int("n")? })
    }
}
