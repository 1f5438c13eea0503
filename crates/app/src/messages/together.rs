//! Stores the messages of many events at once.
//!
//! Most messages come from people whom we know and of whom they say nothing new, or of whom nothing is known. Those are stored
//! together, with one statement for each table. All others take the way of a single message, in their place.

use engine::EventCtx;
use kernel::Result;
use provider::messaging::{self, Change, Direction};

use super::{
    mutations::{self, Source},
    store,
};
use crate::{
    contacts::{self, ContactId},
    conversations,
};

/// Stores the changes of several events, in their order.
pub(super) async fn store_all(ctx: &mut EventCtx<'_>, arrivals: &[(Source, Vec<Change>)]) -> Result<()> {
    let mut received = Vec::new();
    for (source, changes) in arrivals {
        for change in changes {
            match change {
                Change::Message(message) if message.direction == Direction::Inbound && !message.person.is_nobody() => {
                    received.push((source, &**message));
                }
                Change::Message(_) | Change::Delivery(_) | Change::Renamed(_) => {
                    receive_all(ctx, &std::mem::take(&mut received)).await?;
                    mutations::store(ctx, source, change).await?;
                }
            }
        }
    }
    receive_all(ctx, &received).await
}

type Received<'a> = (&'a Source, &'a messaging::Message);

async fn receive_all(ctx: &mut EventCtx<'_>, mut received: &[Received<'_>]) -> Result<()> {
    while !received.is_empty() {
        let done = receive_some(ctx, received).await?;
        received = &received[done..];
    }
    Ok(())
}

/// Stores the first of these messages, and returns how many: up to one that may change whom the others come from.
async fn receive_some(ctx: &mut EventCtx<'_>, received: &[Received<'_>]) -> Result<usize> {
    let ids: Vec<_> = received.iter().map(|(_, message)| &*message.id).collect();
    let mut stored = store::stored(ctx.tx, &ids).await?;
    let fresh: Vec<_> =
        received.iter().enumerate().filter(|(_, (_, message))| stored.insert(message.id.clone())).collect();
    let people: Vec<_> =
        fresh.iter().map(|(_, (source, message))| (&message.person, source.time_of(message))).collect();
    let channel = received.first().map_or("", |(source, _)| source.channel);
    let contacts = contacts::resolve_first(ctx, channel, &people).await?;
    let plain = fresh.iter().map(|(_, received)| **received).zip(&contacts);
    store_plain(ctx, channel, &plain.collect::<Vec<_>>()).await?;
    match fresh.get(contacts.len()) {
        Some((at, (source, message))) => {
            mutations::receive(ctx, source, message).await?;
            Ok(at + 1)
        }
        None => Ok(received.len()),
    }
}

/// Stores new messages of these contacts.
async fn store_plain(ctx: &mut EventCtx<'_>, channel: &str, plain: &[(Received<'_>, &ContactId)]) -> Result<()> {
    if plain.is_empty() {
        return Ok(());
    }
    let news: Vec<_> =
        plain.iter().map(|((source, message), contact)| (*contact, mutations::news_of(source, message))).collect();
    let conversations = conversations::note_all(ctx, channel, &news).await?;
    let mut messages = Vec::with_capacity(plain.len());
    for ((source, message), contact) in plain {
        let conversation = conversations.get(*contact).cloned().ok_or_else(conversations::gone)?;
        messages.push(mutations::written(ctx, source, message, conversation)?);
    }
    mutations::keep(ctx, messages).await
}
