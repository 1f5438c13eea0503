//! Stores messages and their delivery steps.

use ::store::Tx;
use engine::{EventCtx, Range};
use kernel::{Error, Result, Time};
use provider::messaging::{self, Delivery, Renamed};

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

/// Stores a message in the open conversation with its contact. A message that is stored already changes nothing.
pub(super) async fn receive(ctx: &mut EventCtx<'_>, source: &Source, message: &messaging::Message) -> Result<()> {
    if store::is_known(ctx.tx, &message.id).await? {
        return Ok(());
    }
    if message.person.is_nobody() {
        return Err(Error::bad_request("person_missing", "the message names no contact"));
    }
    let at = message.at.unwrap_or(source.at);
    let contact = contacts::resolve(ctx, source.channel, &message.person, at).await?;
    let text = text_of(message);
    let news = NewMessage {
        at,
        preview: NewMessage::preview(text.as_deref(), &message.kind),
        unread: message.direction == messaging::Direction::Inbound && message.asks_for_attention,
        connection: source.connection.clone(),
    };
    let conversation = conversations::note(ctx, &contact, source.channel, &news).await?;
    keep(ctx, source, message, conversation, at).await
}

/// Stores a delivery step of an outgoing message; it waits when the message is not stored yet.
pub(super) async fn deliver(ctx: &mut EventCtx<'_>, source: &Source, delivery: &Delivery) -> Result<()> {
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
pub(super) async fn rename(ctx: &mut EventCtx<'_>, source: &Source, renamed: &Renamed) -> Result<()> {
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

/// Stores a message with the delivery steps that arrived before it.
async fn keep(
    ctx: &mut EventCtx<'_>,
    source: &Source,
    message: &messaging::Message,
    conversation_id: ConversationId,
    at: Time,
) -> Result<()> {
    let direction = Direction::from(message.direction);
    let mut steps = DeliverySteps::default();
    let status = match direction {
        Direction::Inbound => Status::Received,
        Direction::Outbound => {
            for taken in store::take_early(ctx.tx, &message.id).await? {
                steps.take(&taken);
            }
            steps.furthest().map_or(Status::Sent, Status::of)
        }
    };
    let content = serde_json::to_value(&message.content)
        .map_err(|error| Error::bad_request("content_unwritable", "a message holds what JSON cannot").source(error))?;
    let kept = Message {
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
        status,
        occurred_at: at,
        steps,
    };
    store::insert(ctx.tx, &kept).await?;
    match kept.direction {
        Direction::Inbound => ctx.emit(MessageReceived { message: kept.id, conversation: kept.conversation_id }).await,
        Direction::Outbound => Ok(()),
    }
}

/// Returns the text that people read. PostgreSQL stores no NUL in a text; in the content it is escaped.
fn text_of(message: &messaging::Message) -> Option<String> {
    message.content.text().map(|text| text.replace('\0', ""))
}
