//! The statements on contacts.

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::{Result, Time};

use super::{Contact, ContactId, Identity, Kind, Merge, model::IdentityRecord};

/// Returns the identities of any kind that have or had one of these values, with their contacts.
pub(super) async fn known(tx: &mut Tx, channel: &str, values: &[&str]) -> Result<Vec<IdentityRecord>> {
    let (sql, list) = tx.list_of(
        "select i.contact_id, i.kind, i.value, i.valid_from_ms, i.valid_to_ms, c.name
         from contact_identities i join contacts c on c.org_id = i.org_id and c.id = i.contact_id
         where i.org_id = $1 and i.channel = $2 and i.value in (select value from json_each($3))",
        "select i.contact_id, i.kind, i.value, i.valid_from_ms, i.valid_to_ms, c.name
         from contact_identities i join contacts c on c.org_id = i.org_id and c.id = i.contact_id
         where i.org_id = $1 and i.channel = $2 and i.value = any($3)",
        values,
    );
    tx.query(sql).bind(channel).bind(list).all().await
}

/// A contact that is about to be stored.
pub(super) struct NewContact {
    pub id: ContactId,
    pub name: Option<String>,
    /// When the person said their name.
    pub at: Time,
}

/// An identity of one.
pub(super) struct NewIdentity<'a> {
    pub id: String,
    pub contact: ContactId,
    pub kind: Kind,
    pub value: &'a str,
    pub at: Time,
}

pub(super) async fn insert_all(tx: &mut Tx, contacts: &[NewContact], now: Time) -> Result<()> {
    if contacts.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = contacts.iter().map(|new| (&new.id, &new.name, new.name.as_ref().map(|_| new.at))).collect();
    let from = tx.rows_at(3);
    tx.query_built(format!(
        "insert into contacts (org_id, id, created_ms, name, name_ms)
         select $1, value ->> 0, $2, value ->> 1, coalesce(cast(value ->> 2 as bigint), 0) from {from}"
    ))
    .bind(now)
    .bind(::store::rows(&rows)?)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn insert_identities(tx: &mut Tx, channel: &str, identities: &[NewIdentity<'_>]) -> Result<()> {
    if identities.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> =
        identities.iter().map(|new| (&new.id, &new.contact, new.kind.as_str(), new.value, new.at)).collect();
    let from = tx.rows_at(3);
    tx.query_built(format!(
        "insert into contact_identities (org_id, id, contact_id, channel, kind, value, valid_from_ms)
         select $1, value ->> 0, value ->> 1, $2, value ->> 2, value ->> 3, cast(value ->> 4 as bigint)
         from {from} where 1 = 1
         on conflict (org_id, channel, kind, value) where valid_to_ms is null do nothing"
    ))
    .bind(channel)
    .bind(::store::rows(&rows)?)
    .execute()
    .await
    .map(drop)
}

/// Ends one identity of a contact, unless the contact got it again after `at`.
pub(super) async fn end_identity(
    tx: &mut Tx,
    contact: &ContactId,
    channel: &str,
    kind: Kind,
    value: &str,
    at: Time,
) -> Result<()> {
    tx.query(
        "update contact_identities set valid_to_ms = $6
         where org_id = $1 and contact_id = $2 and channel = $3 and kind = $4 and value = $5
             and valid_to_ms is null and valid_from_ms <= $6",
    )
    .bind(contact)
    .bind(channel)
    .bind(kind.as_str())
    .bind(value)
    .bind(at)
    .execute()
    .await
    .map(drop)
}

/// Ends all identities of a kind that a contact has on a channel.
pub(super) async fn end_kind(tx: &mut Tx, contact: &ContactId, channel: &str, kind: Kind, at: Time) -> Result<()> {
    tx.query(
        "update contact_identities set valid_to_ms = $5
         where org_id = $1 and contact_id = $2 and channel = $3 and kind = $4 and valid_to_ms is null",
    )
    .bind(contact)
    .bind(channel)
    .bind(kind.as_str())
    .bind(at)
    .execute()
    .await
    .map(drop)
}

/// Returns whether a contact got an identity of this kind after `at`.
pub(super) async fn has_newer(tx: &mut Tx, contact: &ContactId, channel: &str, kind: Kind, at: Time) -> Result<bool> {
    let row = tx
        .query(
            "select id from contact_identities
             where org_id = $1 and contact_id = $2 and channel = $3 and kind = $4 and valid_to_ms is null
                 and valid_from_ms > $5",
        )
        .bind(contact)
        .bind(channel)
        .bind(kind.as_str())
        .bind(at)
        .row()
        .await?;
    Ok(row.is_some())
}

pub(super) async fn set_name(tx: &mut Tx, contact: &ContactId, name: &str, at: Time) -> Result<()> {
    tx.query("update contacts set name = $3, name_ms = $4 where org_id = $1 and id = $2 and name_ms <= $4")
        .bind(contact)
        .bind(name)
        .bind(at)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<Contact>> {
    let asked = db.query(
        "select id, name, created_ms from contacts
         where org_id = $1 and merged_into is null and (created_ms, id) < ($2, $3) and (created_ms, id) >= ($4, $5)
         order by created_ms desc, id desc limit $6",
    );
    range.bind_descending(asked).all().await
}

/// Returns the identities of the contacts of a page, in the order in which they were stored.
pub(super) async fn identities_of_page(db: &mut Reader, range: &Range) -> Result<Vec<(ContactId, Identity)>> {
    let asked = db.query(
        "select contact_id, channel, kind, value from contact_identities
         where org_id = $1 and valid_to_ms is null and contact_id in (
             select id from contacts
             where org_id = $1 and merged_into is null
                 and (created_ms, id) < ($2, $3) and (created_ms, id) >= ($4, $5)
             order by created_ms desc, id desc limit $6)
         order by valid_from_ms, kind, value",
    );
    let rows = range.bind_descending(asked).rows().await?;
    rows.iter().map(|row| Ok((row.id("contact_id")?, Identity::from_row(row)?))).collect()
}

/// Returns whether the first contact is older than the second.
pub(super) async fn is_older(tx: &mut Tx, first: &ContactId, second: &ContactId) -> Result<bool> {
    let row = tx
        .query("select id from contacts where org_id = $1 and (id = $2 or id = $3) order by created_ms, id limit 1")
        .bind(first)
        .bind(second)
        .row()
        .await?;
    row.map_or(Ok(false), |row| Ok(row.text("id")? == first.as_str()))
}

/// Returns whether a merge of these two contacts was undone, because they are different people.
pub(super) async fn told_apart(tx: &mut Tx, first: &ContactId, second: &ContactId) -> Result<bool> {
    let row = tx
        .query(
            "select id from contact_merges where org_id = $1 and undone_ms is not null
                 and ((kept_id = $2 and merged_id = $3) or (kept_id = $3 and merged_id = $2))",
        )
        .bind(first)
        .bind(second)
        .row()
        .await?;
    Ok(row.is_some())
}

pub(super) async fn insert_merge(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query("insert into contact_merges (org_id, id, kept_id, merged_id, merged_ms) values ($1, $2, $3, $4, $5)")
        .bind(&merge.id)
        .bind(&merge.kept)
        .bind(&merge.merged)
        .bind(merge.creation_time)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn note_identities(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query(
        "insert into contact_merge_items (org_id, merge_id, kind, item_id, from_id)
         select org_id, $2, 'identity', id, contact_id from contact_identities where org_id = $1 and contact_id = $3",
    )
    .bind(&merge.id)
    .bind(&merge.merged)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn move_identities(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query("update contact_identities set contact_id = $2 where org_id = $1 and contact_id = $3")
        .bind(&merge.kept)
        .bind(&merge.merged)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn move_identities_back(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query(
        "update contact_identities set contact_id = $3
         where org_id = $1 and contact_id = $4 and id in (
             select item_id from contact_merge_items where org_id = $1 and merge_id = $2 and kind = 'identity')",
    )
    .bind(&merge.id)
    .bind(&merge.merged)
    .bind(&merge.kept)
    .execute()
    .await
    .map(drop)
}

/// Gives a contact without a name the name of the contact merged into it.
pub(super) async fn take_name(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query(
        "update contacts set name = (select other.name from contacts other where other.org_id = $1 and other.id = $3)
         where org_id = $1 and id = $2 and name is null",
    )
    .bind(&merge.kept)
    .bind(&merge.merged)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn set_merged(tx: &mut Tx, contact: &ContactId, into: Option<&ContactId>) -> Result<()> {
    tx.query("update contacts set merged_into = $3 where org_id = $1 and id = $2")
        .bind(contact)
        .bind(into)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn is_merged(tx: &mut Tx, contact: &ContactId) -> Result<bool> {
    let query = "select id from contacts where org_id = $1 and id = $2 and merged_into is not null";
    Ok(tx.query(query).bind(contact).row().await?.is_some())
}

pub(super) async fn merge(tx: &mut Tx, id: &str) -> Result<Option<Merge>> {
    tx.query("select id, kept_id, merged_id, merged_ms, undone_ms from contact_merges where org_id = $1 and id = $2")
        .bind(id)
        .optional()
        .await
}

pub(super) async fn merges(tx: &mut Tx, limit: i64) -> Result<Vec<Merge>> {
    tx.query(
        "select id, kept_id, merged_id, merged_ms, undone_ms from contact_merges where org_id = $1
         order by merged_ms desc, id desc limit $2",
    )
    .bind(limit)
    .all()
    .await
}

pub(super) async fn set_undone(tx: &mut Tx, merge: &Merge, now: Time) -> Result<()> {
    tx.query("update contact_merges set undone_ms = $3 where org_id = $1 and id = $2")
        .bind(&merge.id)
        .bind(now)
        .execute()
        .await
        .map(drop)
}

/// Forgets what a merge moved: it was moved back.
pub(super) async fn delete_items(tx: &mut Tx, merge: &Merge) -> Result<()> {
    let delete = tx.query("delete from contact_merge_items where org_id = $1 and merge_id = $2");
    delete.bind(&merge.id).execute().await.map(drop)
}

impl FromRow for Contact {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            name: row.opt_text("name")?,
            phone: None,
            username: None,
            identities: Vec::new(),
        })
    }
}

impl FromRow for Identity {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { channel: row.text("channel")?, kind: Kind::parse(&row.text("kind")?)?, value: row.text("value")? })
    }
}

impl FromRow for IdentityRecord {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            contact: row.id("contact_id")?,
            kind: Kind::parse(&row.text("kind")?)?,
            value: row.text("value")?,
            from: row.time("valid_from_ms")?,
            to: row.opt_time("valid_to_ms")?,
            name: row.opt_text("name")?,
        })
    }
}

impl FromRow for Merge {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            creation_time: row.time("merged_ms")?,
            kept: row.id("kept_id")?,
            merged: row.id("merged_id")?,
            undone_at: row.opt_time("undone_ms")?,
        })
    }
}
