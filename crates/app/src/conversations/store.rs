//! The statements on conversations.

use std::collections::HashMap;

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::{Result, Time};

use super::{Conversation, ConversationId, Status, model::Figures};
use crate::contacts::{ContactId, Merge};

pub(super) async fn find_open(tx: &mut Tx, contact: &ContactId, channel: &str) -> Result<Option<ConversationId>> {
    let row = tx
        .query(
            "select id from conversations where org_id = $1 and contact_id = $2 and channel = $3 and status = 'open'",
        )
        .bind(contact)
        .bind(channel)
        .row()
        .await?;
    row.map(|row| row.id("id")).transpose()
}

/// Adds messages to the open conversations with contacts, at most one row for each. One that has none gets one, under the id that
/// comes first. Returns their ids. It is one statement, because reading first would make concurrent messages conflict:
/// PostgreSQL's serializable transactions track reads by the page, but not what `on conflict` looks up.
pub(super) async fn note(
    tx: &mut Tx,
    channel: &str,
    noted: &[(ConversationId, &ContactId, Figures)],
    now: Time,
) -> Result<HashMap<ContactId, ConversationId>> {
    let rows: Vec<_> =
        noted.iter().map(|(id, contact, f)| (id, contact, f.unread, f.at, &f.preview, &f.connection)).collect();
    let from = tx.rows_at(4);
    let rows = tx
        .query_built(format!(
            "insert into conversations (org_id, id, contact_id, channel, status, created_ms, unread_count,
                 last_message_ms, last_message_preview, connection_id)
             select $1, value ->> 0, value ->> 1, $2, 'open', $3, cast(value ->> 2 as bigint), cast(value ->> 3 as bigint),
                 value ->> 4, value ->> 5
             from {from} where 1 = 1
             on conflict (org_id, contact_id, channel) where status = 'open' do update set
                 unread_count = conversations.unread_count + excluded.unread_count,
                 last_message_preview = case when conversations.last_message_ms <= excluded.last_message_ms
                     then excluded.last_message_preview else conversations.last_message_preview end,
                 connection_id = case when conversations.last_message_ms <= excluded.last_message_ms
                     then excluded.connection_id else conversations.connection_id end,
                 last_message_ms = case when conversations.last_message_ms <= excluded.last_message_ms
                     then excluded.last_message_ms else conversations.last_message_ms end
             returning id, contact_id"
        ))
        .bind(channel)
        .bind(now)
        .bind(::store::rows(&rows)?)
        .rows()
        .await?;
    rows.iter().map(|row| Ok((row.id("contact_id")?, row.id("id")?))).collect()
}

pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<Conversation>> {
    let asked = db.query(
        "select v.id, v.created_ms, v.contact_id, c.name as contact_name, v.channel, v.connection_id, v.status,
             v.unread_count, v.last_message_ms, v.last_message_preview,
             (select i.value from contact_identities i
              where i.org_id = $1 and i.contact_id = v.contact_id and i.kind = 'phone' and i.valid_to_ms is null
              order by i.valid_from_ms desc limit 1) as contact_phone
         from conversations v join contacts c on c.org_id = v.org_id and c.id = v.contact_id
         where v.org_id = $1 and v.status <> 'merged'
             and (v.last_message_ms, v.id) < ($2, $3) and (v.last_message_ms, v.id) >= ($4, $5)
         order by v.last_message_ms desc, v.id desc limit $6",
    );
    range.bind_descending(asked).all().await
}

pub(super) async fn exists(db: &mut Reader, conversation: &ConversationId) -> Result<bool> {
    let query = db.query("select 1 from conversations where org_id = $1 and id = $2").bind(conversation);
    Ok(query.row().await?.is_some())
}

/// Returns the open conversations of a contact, with their channels.
pub(super) async fn all_open(tx: &mut Tx, contact: &ContactId) -> Result<Vec<(ConversationId, String)>> {
    let rows = tx
        .query("select id, channel from conversations where org_id = $1 and contact_id = $2 and status = 'open'")
        .bind(contact)
        .rows()
        .await?;
    rows.iter().map(|row| Ok((row.id("id")?, row.text("channel")?))).collect()
}

/// Returns the figures of a conversation.
pub(super) async fn figures(tx: &mut Tx, id: &ConversationId) -> Result<Option<Figures>> {
    tx.query(
        "select unread_count, last_message_ms, last_message_preview, connection_id from conversations
         where org_id = $1 and id = $2",
    )
    .bind(id)
    .optional()
    .await
}

pub(super) async fn set_figures(tx: &mut Tx, id: &ConversationId, figures: &Figures) -> Result<()> {
    tx.query(
        "update conversations set unread_count = $3, last_message_ms = $4, last_message_preview = $5, connection_id = $6
         where org_id = $1 and id = $2",
    )
    .bind(id)
    .bind(figures.unread)
    .bind(figures.at)
    .bind(figures.preview.as_deref())
    .bind(figures.connection.as_deref())
    .execute()
    .await
    .map(drop)
}

pub(super) async fn set_merged(tx: &mut Tx, id: &ConversationId) -> Result<()> {
    tx.query("update conversations set status = 'merged' where org_id = $1 and id = $2")
        .bind(id)
        .execute()
        .await
        .map(drop)
}

/// Stores which conversations [`move_all`] is about to move.
pub(super) async fn note_moved(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query(
        "insert into contact_merge_items (org_id, merge_id, kind, item_id, from_id)
         select org_id, $2, 'conversation', id, contact_id from conversations
         where org_id = $1 and contact_id = $3 and status <> 'merged'",
    )
    .bind(&merge.id)
    .bind(&merge.merged)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn move_all(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query("update conversations set contact_id = $2 where org_id = $1 and contact_id = $3 and status <> 'merged'")
        .bind(&merge.kept)
        .bind(&merge.merged)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn move_back(tx: &mut Tx, merge: &Merge) -> Result<()> {
    tx.query(
        "update conversations set contact_id = $3
         where org_id = $1 and contact_id = $4 and id in (
             select item_id from contact_merge_items where org_id = $1 and merge_id = $2 and kind = 'conversation')",
    )
    .bind(&merge.id)
    .bind(&merge.merged)
    .bind(&merge.kept)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn reopen(tx: &mut Tx, id: &ConversationId) -> Result<()> {
    tx.query("update conversations set status = 'open' where org_id = $1 and id = $2 and status = 'merged'")
        .bind(id)
        .execute()
        .await
        .map(drop)
}

impl FromRow for Conversation {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            contact_id: row.id("contact_id")?,
            contact_name: row.opt_text("contact_name")?,
            contact_phone: row.opt_text("contact_phone")?,
            channel: row.text("channel")?,
            connection_id: row.opt_text("connection_id")?,
            status: Status::parse(&row.text("status")?)?,
            unread_count: row.int("unread_count")?,
            last_message_at: row.time("last_message_ms")?,
            last_message_preview: row.opt_text("last_message_preview")?,
        })
    }
}

impl FromRow for Figures {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            unread: row.int("unread_count")?,
            at: row.time("last_message_ms")?,
            preview: row.opt_text("last_message_preview")?,
            connection: row.opt_text("connection_id")?,
        })
    }
}
