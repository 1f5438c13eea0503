//! Finding the contact that somebody is, and learning what they are called.

use ::store::Tx;
use engine::EventCtx;
use kernel::{Result, Time};
use provider::messaging::{Person, Renamed};

use super::{
    ContactId, Identity, Kind, merge,
    model::{Known, holder, names, owners},
    store,
};

/// The contact that `person` is, found or made; what is new about them is noted.
pub(crate) async fn resolve(ctx: &mut EventCtx<'_>, channel: &str, person: &Person, at: Time) -> Result<ContactId> {
    match recall(ctx, channel, person, at).await? {
        Some(contact) => Ok(contact),
        None => make(ctx, channel, person, at).await,
    }
}

/// As [`resolve`], without making a contact: of somebody who is not known nothing is kept.
pub(crate) async fn recall(
    ctx: &mut EventCtx<'_>,
    channel: &str,
    person: &Person,
    at: Time,
) -> Result<Option<ContactId>> {
    let mut known = store::known(ctx.tx, channel, person).await?;
    let found = owners(&known, at);
    let Some(contact) = one(ctx, &found).await? else { return Ok(None) };
    if found.len() > 1 {
        known = store::known(ctx.tx, channel, person).await?;
    }
    learn(ctx, channel, &contact, person, &known, at).await?;
    Ok(Some(contact))
}

/// Notes that somebody goes by other names from `at` on. Of somebody who is not known nothing is kept.
pub(crate) async fn rename(ctx: &mut EventCtx<'_>, channel: &str, renamed: &Renamed, at: Time) -> Result<()> {
    // What the person wrote under the new names may have come before this news, and have made a contact of its own.
    let mut found = owners(&store::known(ctx.tx, channel, &renamed.before).await?, at);
    let after = owners(&store::known(ctx.tx, channel, &renamed.after).await?, at);
    found.extend(after.into_iter().filter(|contact| !found.contains(contact)).collect::<Vec<_>>());
    let Some(contact) = one(ctx, &found).await? else { return Ok(()) };
    let after = names(&renamed.after);
    for (kind, value) in names(&renamed.before) {
        let replaced = after.iter().any(|(other, name)| *other == kind && *name != value);
        if replaced {
            store::end_identity(ctx.tx, &contact, channel, kind, value, at).await?;
        }
    }
    let known = store::known(ctx.tx, channel, &renamed.after).await?;
    learn(ctx, channel, &contact, &renamed.after, &known, at).await
}

/// One contact out of those that the names of one person lead to.
async fn one(ctx: &mut EventCtx<'_>, found: &[ContactId]) -> Result<Option<ContactId>> {
    let Some((first, others)) = found.split_first() else { return Ok(None) };
    let mut contact = first.clone();
    for other in others {
        contact = merge::merge(ctx, contact, other.clone()).await?;
    }
    Ok(Some(contact))
}

async fn make(ctx: &mut EventCtx<'_>, channel: &str, person: &Person, at: Time) -> Result<ContactId> {
    let contact = ctx.new_id();
    store::insert(ctx.tx, &contact, ctx.now()).await?;
    // Only a username can be somebody's here: other names would have led to their contact.
    let known = store::known(ctx.tx, channel, person).await?;
    learn(ctx, channel, &contact, person, &known, at).await?;
    Ok(contact)
}

/// Notes what a contact is called, where that is news. News from the past do not undo what is known since.
async fn learn(
    ctx: &mut EventCtx<'_>,
    channel: &str,
    contact: &ContactId,
    person: &Person,
    known: &[Known],
    at: Time,
) -> Result<()> {
    for (kind, value) in names(person) {
        if is_news(known, contact, kind, at) && give_up_others(ctx.tx, channel, contact, known, kind, at).await? {
            let identity = Identity { channel: channel.to_owned(), kind, value: value.to_owned() };
            let id = ctx.new_id::<IdentityPrefix>();
            store::insert_identity(ctx.tx, id.as_str(), contact, &identity, at).await?;
        }
    }
    let name = person.name.as_deref().filter(|name| !known.iter().any(|known| known.is_called(contact, name)));
    if let Some(name) = name {
        store::set_name(ctx.tx, contact, &name.replace('\0', ""), at).await?;
    }
    Ok(())
}

kernel::id_prefix! {
    /// The kind of id of a contact's identity.
    IdentityPrefix = "idn" in "contactIdentities"
}

impl Known {
    fn is_called(&self, contact: &ContactId, name: &str) -> bool {
        self.contact == *contact && self.name.as_deref() == Some(name)
    }
}

fn is_news(known: &[Known], contact: &ContactId, kind: Kind, at: Time) -> bool {
    let Some(holder) = holder(known, kind, at) else { return true };
    // A username is whoever's shows it last. Anything else that is another's stays theirs: it was said that the two are
    // different people.
    holder.contact != *contact && kind == Kind::Username && holder.from <= at
}

/// Ends what the new name takes the place of. False when what is known is newer.
async fn give_up_others(
    tx: &mut Tx,
    channel: &str,
    contact: &ContactId,
    known: &[Known],
    kind: Kind,
    at: Time,
) -> Result<bool> {
    if !kind.is_single() {
        return Ok(true);
    }
    for holder in known.iter().filter(|known| known.kind == kind && known.to.is_none()) {
        store::end_identity(tx, &holder.contact, channel, kind, &holder.value, at).await?;
    }
    if store::has_newer(tx, contact, channel, kind, at).await? {
        return Ok(false);
    }
    store::end_kind(tx, contact, channel, kind, at).await?;
    Ok(true)
}
