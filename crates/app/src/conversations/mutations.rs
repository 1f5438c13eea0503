//! Updates conversations for messages and merges.

use ::store::Tx;
use engine::EventCtx;
use kernel::{Error, Result};

use super::{ConversationId, NewMessage, model::Figures, store};
use crate::{
    contacts::{ContactId, Merge},
    messages,
};

/// Counts and shows a message in the open conversation with a contact on a channel, which is created when there is
/// none. A message that is older than the newest one is only counted.
pub(crate) async fn note(
    ctx: &mut EventCtx<'_>,
    contact: &ContactId,
    channel: &str,
    news: &NewMessage,
) -> Result<ConversationId> {
    let (id, now) = (ctx.new_id(), ctx.now());
    store::note(ctx.tx, &id, contact, channel, news, now).await
}

/// Moves the conversations of a contact that was merged. When both contacts have an open one on a channel, the messages
/// of one move into the other.
pub(crate) async fn merge(tx: &mut Tx, merge: &Merge) -> Result<()> {
    for (from, channel) in store::all_open(tx, &merge.merged).await? {
        let Some(into) = store::find_open(tx, &merge.kept, &channel).await? else { continue };
        messages::move_all(tx, &merge.id, &from, &into).await?;
        // The emptied conversation keeps its figures, which undoing the merge needs.
        let (theirs, ours) = (figures(tx, &from).await?, figures(tx, &into).await?);
        store::set_figures(tx, &into, &ours.with(&theirs)).await?;
        store::set_merged(tx, &from).await?;
    }
    store::note_moved(tx, merge).await?;
    store::move_all(tx, merge).await
}

/// Moves the conversations back. Messages that came since are subtracted again.
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
