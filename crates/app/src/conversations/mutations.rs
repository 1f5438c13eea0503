//! Updates conversations for messages and merges.

use std::collections::{BTreeMap, HashMap};

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
    news: NewMessage,
) -> Result<ConversationId> {
    note_all(ctx, channel, &[(contact, news)]).await?.remove(contact).ok_or_else(gone)
}

/// As [`note`], for messages of several contacts in their order. Returns the conversation of each contact.
pub(crate) async fn note_all(
    ctx: &mut EventCtx<'_>,
    channel: &str,
    news: &[(&ContactId, NewMessage)],
) -> Result<HashMap<ContactId, ConversationId>> {
    // In the order of the contacts, so that two transactions that share some wait for one another instead of each for the
    // other.
    let mut noted = BTreeMap::new();
    for (contact, news) in news {
        let news = Figures::from(news);
        let (_, figures) = noted.remove(contact.as_str()).unwrap_or((*contact, Figures::NONE));
        noted.insert(contact.as_str(), (*contact, figures.followed_by(news)));
    }
    let noted: Vec<_> = noted.into_values().map(|(contact, figures)| (ctx.new_id(), contact, figures)).collect();
    if noted.is_empty() {
        return Ok(HashMap::new());
    }
    store::note(ctx.tx, channel, &noted, ctx.now()).await
}

/// The error for a conversation that a message was just noted in.
pub(crate) fn gone() -> Error {
    Error::internal("conversation_gone", "a conversation was noted and is not there")
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
