//! A contact, and the rules by which an identity belongs to one.

use engine::{Place, Placed};
use kernel::{Error, Id, Result, Time};
use provider::messaging::Person;
use schemars::JsonSchema;
use serde::Serialize;

kernel::id_prefix! {
    /// The kind of id of a contact.
    pub ContactPrefix = "cnt" in "contacts"
}

/// The id of a contact.
pub type ContactId = Id<ContactPrefix>;

/// A person who writes to an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Contact {
    /// `cnt_…`
    #[serde(rename = "_id")]
    pub id: ContactId,
    /// When the first event about the contact was stored.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The phone number, as `+` and digits; people may hide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The username that the person chose on a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The identities that the contact has now.
    pub identities: Vec<Identity>,
}

/// Lists of contacts are sorted newest first.
impl Placed for Contact {
    fn place(&self) -> Place {
        Place(vec![self.creation_time.ms().into(), self.id.as_str().into()])
    }
}

/// An identity of a contact on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ContactIdentity")]
pub struct Identity {
    /// The channel.
    pub channel: String,
    /// The kind of identity.
    pub kind: Kind,
    /// The id, number or username.
    pub value: String,
}

/// A kind of identity. The variants are sorted by how reliably they identify a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ContactIdentityKind")]
pub enum Kind {
    /// The vendor's id of the person for one business. It is never reassigned.
    Bsuid,
    /// The same for the parent business.
    ParentBsuid,
    /// A phone number. It may be reassigned to another person.
    Phone,
    /// A chosen username. It does not identify a person: another person may take one that was given up.
    Username,
}

/// A merge of two contacts that were found to be one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Merge {
    /// `mrg_…`
    #[serde(rename = "_id")]
    pub id: String,
    /// When the contacts were merged.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The contact that was kept, the older one.
    pub kept: ContactId,
    /// The contact that was merged into it.
    pub merged: ContactId,
    /// When the merge was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_at: Option<Time>,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Bsuid, Self::ParentBsuid, Self::Phone, Self::Username];

    /// Returns the name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bsuid => "bsuid",
            Self::ParentBsuid => "parent_bsuid",
            Self::Phone => "phone",
            Self::Username => "username",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| Error::internal("identity_kind", format!("there is no kind of name called {text}")))
    }

    /// Returns whether an identity of this kind is never reassigned.
    fn is_for_ever(self) -> bool {
        matches!(self, Self::Bsuid | Self::ParentBsuid)
    }

    /// Returns whether a person has one identity of this kind at a time. Ids are per business: a person has one for
    /// each business that they write to.
    pub(super) fn is_single(self) -> bool {
        matches!(self, Self::Phone | Self::Username)
    }

    /// Returns whether an identity of this kind identifies a person.
    fn identifies(self) -> bool {
        !matches!(self, Self::Username)
    }
}

/// An identity that a contact has or had.
#[derive(Clone, Debug)]
pub(super) struct IdentityRecord {
    pub contact: ContactId,
    pub kind: Kind,
    pub value: String,
    pub from: Time,
    /// The end of the time in which the contact has the identity; none while it has it.
    pub to: Option<Time>,
    /// The display name of the contact, and the time from which it has it.
    pub name: Option<String>,
}

impl IdentityRecord {
    fn held_at(&self, at: Time) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

/// Returns the identities of a person, the most reliable first.
pub(super) fn names(person: &Person) -> Vec<(Kind, &str)> {
    let names = [
        (Kind::Bsuid, &person.bsuid),
        (Kind::ParentBsuid, &person.parent_bsuid),
        (Kind::Phone, &person.phone),
        (Kind::Username, &person.username),
    ];
    names.into_iter().filter_map(|(kind, name)| Some((kind, name.as_deref()?))).collect()
}

/// Returns the contacts to which the identities led at `at`, the one with the most reliable identity first.
pub(super) fn owners(known: &[IdentityRecord], at: Time) -> Vec<ContactId> {
    let mut owners: Vec<ContactId> = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.identifies()) {
        if let Some(owner) = holder(known, kind, at)
            && !owners.contains(&owner.contact)
        {
            owners.push(owner.contact.clone());
        }
    }
    owners
}

/// Returns the record that held at that moment; else the current one; else, for a kind that is never reassigned, the
/// last one.
pub(super) fn holder(known: &[IdentityRecord], kind: Kind, at: Time) -> Option<&IdentityRecord> {
    let of_kind = || known.iter().filter(|known| known.kind == kind);
    of_kind()
        .find(|known| known.held_at(at))
        .or_else(|| of_kind().find(|known| known.to.is_none()))
        .or_else(|| of_kind().filter(|_| kind.is_for_ever()).max_by_key(|known| known.to))
}

#[cfg(test)]
mod tests {
    use kernel::Clock;

    use super::*;

    struct Dice;
    impl Clock for Dice {
        fn now(&self) -> Time {
            Time::from_ms(0)
        }
    }
    impl kernel::Random for Dice {
        fn fill(&self, bytes: &mut [u8]) {
            use std::sync::atomic::{AtomicU8, Ordering};
            static NEXT: AtomicU8 = AtomicU8::new(0);
            bytes.fill(NEXT.fetch_add(1, Ordering::SeqCst));
        }
    }

    fn contact() -> ContactId {
        ContactId::new(&Dice, &Dice)
    }

    fn known(contact: &ContactId, kind: Kind, from: i64, to: Option<i64>) -> IdentityRecord {
        IdentityRecord {
            contact: contact.clone(),
            kind,
            value: "x".to_owned(),
            from: Time::from_ms(from),
            to: to.map(Time::from_ms),
            name: None,
        }
    }

    #[test]
    fn the_id_says_more_than_the_number() {
        let (ada, bob) = (contact(), contact());
        let both = [known(&bob, Kind::Phone, 0, None), known(&ada, Kind::Bsuid, 0, None)];
        assert_eq!(owners(&both, Time::from_ms(5)), [ada, bob]);
    }

    #[test]
    fn a_number_that_moved_on_is_whose_it_was_at_the_time() {
        let (old, new) = (contact(), contact());
        let numbers = [known(&old, Kind::Phone, 10, Some(20)), known(&new, Kind::Phone, 20, None)];
        assert_eq!(owners(&numbers, Time::from_ms(15)), [old]);
        assert_eq!(owners(&numbers, Time::from_ms(20)), std::slice::from_ref(&new));
        assert_eq!(
            owners(&numbers, Time::from_ms(5)),
            [new],
            "before its first holder, the current holder is the best guess"
        );
    }

    #[test]
    fn an_id_that_was_replaced_still_leads_to_its_person_and_a_number_does_not() {
        let ada = contact();
        assert_eq!(owners(&[known(&ada, Kind::Bsuid, 0, Some(10))], Time::from_ms(30)), std::slice::from_ref(&ada));
        assert_eq!(owners(&[known(&ada, Kind::Phone, 0, Some(10))], Time::from_ms(30)), []);
    }

    #[test]
    fn a_chosen_name_tells_nothing() {
        assert_eq!(owners(&[known(&contact(), Kind::Username, 0, None)], Time::from_ms(5)), []);
    }
}
