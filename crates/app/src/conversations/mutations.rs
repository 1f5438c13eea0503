//! What messages and merges do to conversations.

use ::store::Tx;
use engine::EventCtx;
use kernel::{Error, Result};

use super::{ConversationId, News, model::Figures, store};
use crate::{
    contacts::{ContactId, Merge},
    messages,
};

/// The open conversation with a contact on a channel; it is begun when there is none.
pub(crate) async fn open(ctx: &mut EventCtx<'_>, contact: &ContactId, channel: &str) -> Result<ConversationId> {
    if let Some(open) = store::find_open(ctx.tx, contact, channel).await? {
        return Ok(open);
    }
    let id = ctx.new_id();
    let now = ctx.now();
    if store::insert(ctx.tx, &id, contact, channel, now).await? {
        return Ok(id);
    }
    // Another transaction began it since our look. PostgreSQL undoes one of the two; this is for the day it does not.
    let open = store::find_open(ctx.tx, contact, channel).await?;
    open.ok_or_else(|| Error::unavailable("conversation_raced", "a conversation was opened elsewhere: try again"))
}

/// Counts and shows a message that is new in a conversation. One that is older than what is shown is only counted.
pub(crate) async fn note(tx: &mut Tx, conversation: &ConversationId, news: &News) -> Result<()> {
    store::note(tx, conversation, news).await
}

/// Moves the conversations of a contact that was merged. Of two open ones on a channel, one takes the other's messages.
pub(crate) async fn merge(tx: &mut Tx, merge: &Merge) -> Result<()> {
    for (from, channel) in store::all_open(tx, &merge.merged).await? {
        let Some(into) = store::find_open(tx, &merge.kept, &channel).await? else { continue };
        messages::move_all(tx, &merge.id, &from, &into).await?;
        // The emptied conversation keeps what it counted, for the way back.
        let (theirs, ours) = (figures(tx, &from).await?, figures(tx, &into).await?);
        store::set_figures(tx, &into, &ours.with(&theirs)).await?;
        store::set_merged(tx, &from).await?;
    }
    store::note_moved(tx, merge).await?;
    store::move_all(tx, merge).await
}

/// Moves them back. What was counted and shown since is taken apart again.
pub(crate) async fn unmerge(tx: &mut Tx, merge: &Merge) -> Result<()> {
    store::move_back(tx, merge).await?;
    for (from, into) in messages::move_back(tx, &merge.id).await? {
        store::reopen(tx, &from).await?;
        let newest = messages::newest_of(tx, &into).await?;
        let (theirs, ours) = (figures(tx, &from).await?, figures(tx, &into).await?);
        store::set_figures(tx, &into, &ours.without(&theirs, newest)).await?;
    }
    Ok(())
}

async fn figures(tx: &mut Tx, id: &ConversationId) -> Result<Figures> {
    let found = store::figures(tx, id).await?;
    found.ok_or_else(|| Error::internal("conversation_gone", "a conversation vanished within a transaction"))
}
