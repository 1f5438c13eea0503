//! The statements on messages.

use std::collections::HashSet;

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::{Error, Result};
use serde_json::json;

use super::{
    Direction, Message, Status,
    model::{DeliverySteps, StoredStep, parse_step},
};
use crate::conversations::ConversationId;

/// Returns those of these external ids whose messages are stored.
pub(super) async fn stored(tx: &mut Tx, external_ids: &[&str]) -> Result<HashSet<String>> {
    let (sql, list) = tx.list_of(
        "select external_id from messages where org_id = $1 and external_id in (select value from json_each($2))",
        "select external_id from messages where org_id = $1 and external_id = any($2)",
        external_ids,
    );
    let rows = tx.query(sql).bind(list).rows().await?;
    rows.iter().map(|row| row.text("external_id")).collect()
}

pub(super) async fn insert(tx: &mut Tx, messages: &[Message]) -> Result<()> {
    let row = |m: &Message| {
        let DeliverySteps { sent_at, delivered_at, read_at, failed_at, error } = &m.steps;
        json!([
            m.id,
            m.conversation_id,
            m.provider,
            m.external_id,
            m.direction.as_str(),
            m.r#type,
            m.text,
            m.content.to_string(),
            m.reply_to,
            m.status.as_str(),
            sent_at,
            delivered_at,
            read_at,
            failed_at,
            error,
            m.occurred_at,
            m.creation_time
        ])
    };
    let from = tx.rows_at(2);
    tx.query_built(format!(
        "insert into messages (org_id, id, conversation_id, provider, external_id, direction, type, text, content,
             reply_to, status, sent_ms, delivered_ms, read_ms, failed_ms, error, occurred_ms, created_ms)
         select $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
             value ->> 8, value ->> 9, cast(value ->> 10 as bigint), cast(value ->> 11 as bigint),
             cast(value ->> 12 as bigint), cast(value ->> 13 as bigint), value ->> 14, cast(value ->> 15 as bigint),
             cast(value ->> 16 as bigint)
         from {from} where 1 = 1
         on conflict (org_id, external_id) do nothing"
    ))
    .bind(::store::rows(&messages.iter().map(row).collect::<Vec<_>>())?)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<Message>> {
    let asked = db.query(
        "select id, created_ms, conversation_id, provider, external_id, direction, type, text, content, reply_to, status,
             sent_ms, delivered_ms, read_ms, failed_ms, error, occurred_ms
         from messages where org_id = $1 and (occurred_ms, id) < ($2, $3) and (occurred_ms, id) >= ($4, $5)
         order by occurred_ms desc, id desc limit $6",
    );
    range.bind_descending(asked).all().await
}

pub(super) async fn page_of_conversation(
    db: &mut Reader,
    conversation: &ConversationId,
    range: &Range,
) -> Result<Vec<Message>> {
    let asked = db
        .query(
            "select id, created_ms, conversation_id, provider, external_id, direction, type, text, content, reply_to,
                 status, sent_ms, delivered_ms, read_ms, failed_ms, error, occurred_ms
             from messages
             where org_id = $1 and conversation_id = $2
                 and (occurred_ms, id) < ($3, $4) and (occurred_ms, id) >= ($5, $6)
             order by occurred_ms desc, id desc limit $7",
        )
        .bind(conversation);
    range.bind_descending(asked).all().await
}

/// Returns the delivery steps of an outgoing message.
pub(super) async fn steps(tx: &mut Tx, external_id: &str) -> Result<Option<DeliverySteps>> {
    tx.query(
        "select sent_ms, delivered_ms, read_ms, failed_ms, error from messages
         where org_id = $1 and external_id = $2 and direction = 'outbound'",
    )
    .bind(external_id)
    .optional()
    .await
}

pub(super) async fn set_steps(tx: &mut Tx, external_id: &str, steps: &DeliverySteps) -> Result<()> {
    tx.query(
        "update messages set status = $3, sent_ms = $4, delivered_ms = $5, read_ms = $6, failed_ms = $7, error = $8
         where org_id = $1 and external_id = $2",
    )
    .bind(external_id)
    .bind(steps.furthest().map_or(Status::Sent, Status::of).as_str())
    .bind(steps.sent_at)
    .bind(steps.delivered_at)
    .bind(steps.read_at)
    .bind(steps.failed_at)
    .bind(steps.error.as_deref())
    .execute()
    .await
    .map(drop)
}

/// Stores a step for a message that is not stored yet.
pub(super) async fn insert_early(tx: &mut Tx, external_id: &str, taken: &StoredStep) -> Result<()> {
    tx.query(
        "insert into early_statuses (org_id, external_id, status, at_ms, error) values ($1, $2, $3, $4, $5)
         on conflict (org_id, external_id, status) do nothing",
    )
    .bind(external_id)
    .bind(Status::of(taken.step).as_str())
    .bind(taken.at)
    .bind(taken.error.as_deref())
    .execute()
    .await
    .map(drop)
}

/// Deletes and returns the steps that arrived before their message.
pub(super) async fn take_early(tx: &mut Tx, external_id: &str) -> Result<Vec<StoredStep>> {
    tx.query("delete from early_statuses where org_id = $1 and external_id = $2 returning status, at_ms, error")
        .bind(external_id)
        .all()
        .await
}

/// Notes what [`move_all`] is about to move.
pub(super) async fn note_moved(tx: &mut Tx, merge: &str, from: &ConversationId) -> Result<()> {
    tx.query(
        "insert into contact_merge_items (org_id, merge_id, kind, item_id, from_id)
         select org_id, $2, 'message', id, conversation_id from messages where org_id = $1 and conversation_id = $3",
    )
    .bind(merge)
    .bind(from)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn move_all(tx: &mut Tx, from: &ConversationId, into: &ConversationId) -> Result<()> {
    tx.query("update messages set conversation_id = $3 where org_id = $1 and conversation_id = $2")
        .bind(from)
        .bind(into)
        .execute()
        .await
        .map(drop)
}

/// Returns the pairs of conversations between which a merge moved messages.
pub(super) async fn moved(tx: &mut Tx, merge: &str) -> Result<Vec<(ConversationId, ConversationId)>> {
    let rows = tx
        .query(
            "select distinct i.from_id, m.conversation_id
             from contact_merge_items i join messages m on m.org_id = i.org_id and m.id = i.item_id
             where i.org_id = $1 and i.merge_id = $2 and i.kind = 'message'",
        )
        .bind(merge)
        .rows()
        .await?;
    rows.iter().map(|row| Ok((row.id("from_id")?, row.id("conversation_id")?))).collect()
}

pub(super) async fn move_back(tx: &mut Tx, merge: &str) -> Result<()> {
    tx.query(
        "update messages set conversation_id = (
             select i.from_id from contact_merge_items i
             where i.org_id = $1 and i.merge_id = $2 and i.kind = 'message' and i.item_id = messages.id)
         where org_id = $1 and id in (
             select item_id from contact_merge_items where org_id = $1 and merge_id = $2 and kind = 'message')",
    )
    .bind(merge)
    .execute()
    .await
    .map(drop)
}

impl FromRow for Message {
    fn from_row(row: &Row) -> Result<Self> {
        let content = serde_json::from_str(&row.text("content")?)
            .map_err(|error| Error::internal("message_content", "a stored message is not JSON").source(error))?;
        Ok(Self {
            id: row.id("id")?,
            creation_time: row.time("created_ms")?,
            conversation_id: row.id("conversation_id")?,
            provider: row.text("provider")?,
            external_id: row.text("external_id")?,
            direction: Direction::parse(&row.text("direction")?)?,
            r#type: row.text("type")?,
            text: row.opt_text("text")?,
            content,
            reply_to: row.opt_text("reply_to")?,
            status: Status::parse(&row.text("status")?)?,
            occurred_at: row.time("occurred_ms")?,
            steps: DeliverySteps::from_row(row)?,
        })
    }
}

impl FromRow for DeliverySteps {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            sent_at: row.opt_time("sent_ms")?,
            delivered_at: row.opt_time("delivered_ms")?,
            read_at: row.opt_time("read_ms")?,
            failed_at: row.opt_time("failed_ms")?,
            error: row.opt_text("error")?,
        })
    }
}

impl FromRow for StoredStep {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { step: parse_step(&row.text("status")?)?, at: row.time("at_ms")?, error: row.opt_text("error")? })
    }
}
