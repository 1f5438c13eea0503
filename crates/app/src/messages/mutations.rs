//! Stores messages and their delivery steps.

use ::store::Tx;
use engine::{EventCtx, Range};
use kernel::{Error, Result, Time};
use provider::messaging::{self, Change, Delivery, Renamed};

use super::{
    Direction, Message, MessageReceived, Status,
    model::{DeliverySteps, StoredStep},
    store,
};
use crate::{
    contacts,
    conversations::{self, ConversationId, NewMessage},
};

/// The event that a change comes from.
pub(super) struct Source {
    pub provider: String,
    pub channel: &'static str,
    pub connection: Option<String>,
    /// The time of the event, for changes that have no time of their own.
    pub at: Time,
}

impl Source {
    /// When a message was written, as far as its vendor says.
    pub(super) fn time_of(&self, message: &messaging::Message) -> Time {
        message.at.unwrap_or(self.at)
    }
}

/// Stores one change of an event.
pub(super) async fn store(ctx: &mut EventCtx<'_>, source: &Source, change: &Change) -> Result<()> {
    match change {
        Change::Message(message) => receive(ctx, source, message).await,
        Change::Delivery(delivery) => deliver(ctx, source, delivery).await,
        Change::Renamed(renamed) => rename(ctx, source, renamed).await,
    }
}

/// Stores a message in the open conversation with its contact. A message that is stored already changes nothing.
pub(super) async fn receive(ctx: &mut EventCtx<'_>, source: &Source, message: &messaging::Message) -> Result<()> {
    if !store::stored(ctx.tx, &[&message.id]).await?.is_empty() {
        return Ok(());
    }
    if message.person.is_nobody() {
        return Err(Error::bad_request("person_missing", "the message names no contact"));
    }
    let contact = contacts::resolve(ctx, source.channel, &message.person, source.time_of(message)).await?;
    let conversation = conversations::note(ctx, &contact, source.channel, news_of(source, message)).await?;
    let mut written = written(ctx, source, message, conversation)?;
    if written.direction == Direction::Outbound {
        for taken in store::take_early(ctx.tx, &message.id).await? {
            written.steps.take(&taken);
        }
        written.status = written.steps.furthest().map_or(Status::Sent, Status::of);
    }
    keep(ctx, vec![written]).await
}

/// Returns what a message is to its conversation.
pub(super) fn news_of(source: &Source, message: &messaging::Message) -> NewMessage {
    NewMessage {
        at: source.time_of(message),
        preview: NewMessage::preview(text_of(message).as_deref(), &message.kind),
        unread: message.direction == messaging::Direction::Inbound && message.asks_for_attention,
        connection: source.connection.clone(),
    }
}

/// Stores a delivery step of an outgoing message; it waits when the message is not stored yet.
async fn deliver(ctx: &mut EventCtx<'_>, source: &Source, delivery: &Delivery) -> Result<()> {
    let at = delivery.at.unwrap_or(source.at);
    let taken = StoredStep { step: delivery.step, at, error: delivery.error.clone() };
    match store::steps(ctx.tx, &delivery.message).await? {
        Some(mut steps) => {
            let before = steps.clone();
            steps.take(&taken);
            if steps != before {
                store::set_steps(ctx.tx, &delivery.message, &steps).await?;
            }
        }
        None => store::insert_early(ctx.tx, &delivery.message, &taken).await?,
    }
    if !delivery.person.is_nobody() {
        contacts::recall(ctx, source.channel, &delivery.person, at).await?;
    }
    Ok(())
}

/// Stores that a person has other identities.
async fn rename(ctx: &mut EventCtx<'_>, source: &Source, renamed: &Renamed) -> Result<()> {
    contacts::rename(ctx, source.channel, renamed, renamed.at.unwrap_or(source.at)).await
}

/// Moves all messages of a conversation, and stores where they were so that the merge can be undone.
pub(crate) async fn move_all(tx: &mut Tx, merge: &str, from: &ConversationId, into: &ConversationId) -> Result<()> {
    store::note_moved(tx, merge, from).await?;
    store::move_all(tx, from, into).await
}

/// Moves back the messages that a merge moved. Returns the pairs of original conversation and the one that they had
/// been moved to.
pub(crate) async fn move_back(tx: &mut Tx, merge: &str) -> Result<Vec<(ConversationId, ConversationId)>> {
    let pairs = store::moved(tx, merge).await?;
    store::move_back(tx, merge).await?;
    Ok(pairs)
}

/// Returns the time and the beginning of the newest message of a conversation.
pub(crate) async fn newest_of(tx: &mut Tx, conversation: &ConversationId) -> Result<Option<(Time, String)>> {
    let newest = store::page_of_conversation(tx, conversation, &Range::first(1)).await?.into_iter().next();
    Ok(newest.map(|message| (message.occurred_at, NewMessage::preview(message.text.as_deref(), &message.r#type))))
}

/// Returns a message as it is stored, without the delivery steps that arrived before it.
pub(super) fn written(
    ctx: &EventCtx<'_>,
    source: &Source,
    message: &messaging::Message,
    conversation_id: ConversationId,
) -> Result<Message> {
    let direction = Direction::from(message.direction);
    let content = serde_json::to_value(&message.content)
        .map_err(|error| Error::bad_request("content_unwritable", "a message holds what JSON cannot").source(error))?;
    Ok(Message {
        id: ctx.new_id(),
        creation_time: ctx.now(),
        conversation_id,
        provider: source.provider.clone(),
        external_id: message.id.clone(),
        direction,
        r#type: message.kind.clone(),
        text: text_of(message),
        content,
        reply_to: message.reply_to.clone(),
        status: match direction {
            Direction::Inbound => Status::Received,
            Direction::Outbound => Status::Sent,
        },
        occurred_at: source.time_of(message),
        steps: DeliverySteps::default(),
    })
}

/// Stores messages, and tells of those that were received.
pub(super) async fn keep(ctx: &mut EventCtx<'_>, messages: Vec<Message>) -> Result<()> {
    store::insert(ctx.tx, &messages).await?;
    for message in messages.into_iter().filter(|message| message.direction == Direction::Inbound) {
        ctx.emit(MessageReceived { message: message.id, conversation: message.conversation_id }).await?;
    }
    Ok(())
}

/// Returns the text that people read. PostgreSQL stores no NUL in a text; in the content it is escaped.
fn text_of(message: &messaging::Message) -> Option<String> {
    message.content.text().map(|text| text.replace('\0', ""))
}
