//! Finds the contact of a person, and stores what an event says of them.

use ::store::Tx;
use engine::EventCtx;
use kernel::{Result, Time};
use provider::messaging::{Person, Renamed};

use super::{
    ContactId, Kind, merge,
    model::{IdentityRecord, holder, names, owners},
    store::{self, NewContact, NewIdentity},
};

/// Returns the contact of `person`, created when there is none, and stores new identities and names.
pub(crate) async fn resolve(ctx: &mut EventCtx<'_>, channel: &str, person: &Person, at: Time) -> Result<ContactId> {
    match recall(ctx, channel, person, at).await? {
        Some(contact) => Ok(contact),
        None => make(ctx, channel, person, at).await,
    }
}

/// Like [`resolve`], but never creates a contact: nothing is stored of a person without one.
pub(crate) async fn recall(
    ctx: &mut EventCtx<'_>,
    channel: &str,
    person: &Person,
    at: Time,
) -> Result<Option<ContactId>> {
    let mut known = records_of(ctx.tx, channel, person).await?;
    let found = owners(&known, at);
    let Some(contact) = one(ctx, &found).await? else { return Ok(None) };
    if found.len() > 1 {
        known = records_of(ctx.tx, channel, person).await?;
    }
    learn(ctx, channel, &contact, person, &known, at).await?;
    Ok(Some(contact))
}

/// Stores that a person has other identities from `at` on. Nothing is stored of a person without a contact.
pub(crate) async fn rename(ctx: &mut EventCtx<'_>, channel: &str, renamed: &Renamed, at: Time) -> Result<()> {
    // A message under the new identities may have arrived before this event, and may have created a contact of its own.
    let mut found = owners(&records_of(ctx.tx, channel, &renamed.before).await?, at);
    let after = owners(&records_of(ctx.tx, channel, &renamed.after).await?, at);
    found.extend(after.into_iter().filter(|contact| !found.contains(contact)).collect::<Vec<_>>());
    let Some(contact) = one(ctx, &found).await? else { return Ok(()) };
    let after = names(&renamed.after);
    for (kind, value) in names(&renamed.before) {
        let replaced = after.iter().any(|(other, name)| *other == kind && *name != value);
        if replaced {
            store::end_identity(ctx.tx, &contact, channel, kind, value, at).await?;
        }
    }
    let known = records_of(ctx.tx, channel, &renamed.after).await?;
    learn(ctx, channel, &contact, &renamed.after, &known, at).await
}

/// Returns the identities of a person that a contact has or had.
async fn records_of(tx: &mut Tx, channel: &str, person: &Person) -> Result<Vec<IdentityRecord>> {
    let names = names(person);
    let values: Vec<_> = names.iter().map(|(_, value)| *value).collect();
    let mut known = store::known(tx, channel, &values).await?;
    known.retain(|known| names.contains(&(known.kind, &known.value)));
    Ok(known)
}

/// Merges the contacts to which the identities of one person lead, and returns the one that is left.
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
    let new = NewContact { id: contact.clone(), name: None, at };
    store::insert_all(ctx.tx, &[new], ctx.now()).await?;
    // Only a username can belong to another contact here: any other identity would have led to that contact.
    let known = records_of(ctx.tx, channel, person).await?;
    learn(ctx, channel, &contact, person, &known, at).await?;
    Ok(contact)
}

/// Stores the identities and the name of a contact that are new. Events from the past do not undo what newer ones said.
async fn learn(
    ctx: &mut EventCtx<'_>,
    channel: &str,
    contact: &ContactId,
    person: &Person,
    known: &[IdentityRecord],
    at: Time,
) -> Result<()> {
    for (kind, value) in names(person) {
        if is_news(known, contact, kind, at) && give_up_others(ctx.tx, channel, contact, known, kind, at).await? {
            let id = ctx.new_id::<IdentityPrefix>().to_string();
            let identity = NewIdentity { id, contact: contact.clone(), kind, value, at };
            store::insert_identities(ctx.tx, channel, &[identity]).await?;
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
    pub(super) IdentityPrefix = "idn" in "contactIdentities"
}

impl IdentityRecord {
    pub(super) fn is_called(&self, contact: &ContactId, name: &str) -> bool {
        self.contact == *contact && self.name.as_deref() == Some(name)
    }
}

pub(super) fn is_news(known: &[IdentityRecord], contact: &ContactId, kind: Kind, at: Time) -> bool {
    let Some(holder) = holder(known, kind, at) else { return true };
    // A username belongs to the contact that used it last. Any other identity of another contact stays with that
    // contact, because a user said that the two are different people.
    holder.contact != *contact && kind == Kind::Username && holder.from <= at
}

/// Ends the identities that the new one replaces. Returns false when the stored one is newer.
async fn give_up_others(
    tx: &mut Tx,
    channel: &str,
    contact: &ContactId,
    known: &[IdentityRecord],
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
