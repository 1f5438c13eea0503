//! Finds the contacts of many people at once.

use std::collections::{BTreeSet, HashMap};

use engine::EventCtx;
use kernel::{Result, Time};
use provider::messaging::Person;

use super::{
    ContactId, Kind,
    model::{IdentityRecord, names, owners},
    mutations::{IdentityPrefix, is_news},
    store::{self, NewContact, NewIdentity},
};

/// Returns the contacts of the first of these people, who each wrote at some time: those whom we know and of whom nothing new
/// is said, and those of whom nothing is known at all, for whom contacts are created. It stops before the first about whom
/// there is more to do, which may change whom the others are: [`super::resolve`] does that.
pub(crate) async fn resolve_first(
    ctx: &mut EventCtx<'_>,
    channel: &str,
    people: &[(&Person, Time)],
) -> Result<Vec<ContactId>> {
    let records = records(ctx, channel, people).await?;
    let (mut contacts, mut new) = (Vec::new(), New::default());
    for (person, at) in people {
        let names = names(person);
        let of_name = |(kind, value): &(Kind, &str)| records.get(&(*kind, (*value).to_owned()));
        let known: Vec<_> = names.iter().filter_map(of_name).flatten().cloned().collect();
        let contact = match &owners(&known, *at)[..] {
            [contact] if !says_more(&known, contact, person, *at) => Some(contact.clone()),
            [] if known.is_empty() && person.username.is_none() => new.contact(ctx, person, &names, *at),
            _ => None,
        };
        let Some(contact) = contact else { break };
        contacts.push(contact);
    }
    store::insert_all(ctx.tx, &new.contacts, ctx.now()).await?;
    store::insert_identities(ctx.tx, channel, &new.identities).await?;
    Ok(contacts)
}

type Records = HashMap<(Kind, String), Vec<IdentityRecord>>;

/// Returns what is stored of all identities of these people.
async fn records(ctx: &mut EventCtx<'_>, channel: &str, people: &[(&Person, Time)]) -> Result<Records> {
    let values: BTreeSet<_> = people.iter().flat_map(|(person, _)| names(person)).map(|(_, value)| value).collect();
    let mut records = Records::new();
    for record in store::known(ctx.tx, channel, &values.into_iter().collect::<Vec<_>>()).await? {
        records.entry((record.kind, record.value.clone())).or_default().push(record);
    }
    Ok(records)
}

/// Whether a person says anything that their contact does not have.
fn says_more(known: &[IdentityRecord], contact: &ContactId, person: &Person, at: Time) -> bool {
    let has_name = |name: &str| known.iter().any(|known| known.is_called(contact, name));
    names(person).iter().any(|(kind, _)| is_news(known, contact, *kind, at))
        || person.name.as_deref().is_some_and(|name| !has_name(name))
}

/// Contacts that are about to be stored.
#[derive(Default)]
struct New<'a> {
    contacts: Vec<NewContact>,
    identities: Vec<NewIdentity<'a>>,
    people: HashMap<(Kind, &'a str), (ContactId, &'a Person)>,
}

impl<'a> New<'a> {
    /// Returns the new contact of a person. None where the person is only partly one who wrote before.
    fn contact(
        &mut self,
        ctx: &EventCtx<'_>,
        person: &'a Person,
        names: &[(Kind, &'a str)],
        at: Time,
    ) -> Option<ContactId> {
        if let Some((contact, before)) = names.iter().find_map(|name| self.people.get(name)) {
            return (*before == person).then(|| contact.clone());
        }
        let id: ContactId = ctx.new_id();
        let name = person.name.as_deref().map(|name| name.replace('\0', ""));
        self.contacts.push(NewContact { id: id.clone(), name, at });
        for (kind, value) in names {
            let identity = ctx.new_id::<IdentityPrefix>().to_string();
            self.identities.push(NewIdentity { id: identity, contact: id.clone(), kind: *kind, value, at });
            self.people.insert((*kind, value), (id.clone(), person));
        }
        Some(id)
    }
}
