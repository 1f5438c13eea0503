//! Splits a notification of Meta into one event per message and per status. WhatsApp sends it, and Kapso forwards it.
//!
//! A notification may cover many accounts, numbers and people; each event is routed, ordered and repeated on its own.
//! Every part keeps the structure of the whole, and every element its original text, so that one reader parses both.

pub(super) mod content;
mod cut;
pub(super) mod read;
pub(super) mod version;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use kernel::Result;
use provider::Received;
use serde_json::value::RawValue;

/// Meta sends up to 3 MB at once.
pub(super) const MAX_BODY: usize = 3 * 1024 * 1024;

/// Every part repeats the shared fields of its value, mostly the number. A body in which this adds up to more than a
/// few times its own length was not made by Meta.
const LONGEST_CUT: usize = 32 * 1024 * 1024;

/// The lists that a value may have, and the kind of the events of their elements. An element of the last one is a
/// message that the business sent from its own phone; the field of the change names its kind.
const LISTS: [(&str, Option<&str>); 3] = [("messages", Some("message")), ("statuses", Some("status")), (ECHOES, None)];
const ECHOES: &str = "message_echoes";

/// Returns the events of a notification, in its order.
pub(super) fn events(body: &Bytes) -> Vec<Received> {
    let notification = match Received::json::<wire::Notification<'_>>(body) {
        Ok(notification) => notification,
        Err(malformed) => return vec![*malformed],
    };
    let changes: Vec<Change<'_>> = notification
        .entry
        .iter()
        .flat_map(|entry| entry.changes.iter().map(|change| Change::new(&notification, entry, change)))
        .collect();
    let pieces: Vec<Piece<'_, '_>> = changes.iter().flat_map(Change::pieces).collect();
    if let Err(malformed) = Received::countable(pieces.len(), body) {
        return vec![*malformed];
    }
    if pieces.len() == 1 {
        return pieces.iter().map(|piece| piece.event(body.clone())).collect();
    }
    if pieces.iter().map(Piece::length).sum::<usize>() > LONGEST_CUT {
        return vec![Received::malformed(body, "its pieces together are many times longer than it is")];
    }
    pieces.iter().map(|piece| piece.event(piece.cut())).collect()
}

/// The reader of notifications.
pub(super) struct Reader;

impl provider::messaging::Reader for Reader {
    fn channel(&self) -> &'static str {
        CHANNEL
    }

    fn reads(&self, kind: &str) -> bool {
        read::reads(kind)
    }

    fn read(&self, _kind: &str, payload: &[u8]) -> Result<Vec<provider::messaging::Change>> {
        read::read(payload)
    }
}

/// The channel, whichever vendor delivers it.
pub(super) const CHANNEL: &str = "whatsapp";

/// A change of an entry, with its value parsed.
struct Change<'a> {
    object: Option<&'a RawValue>,
    entry: &'a wire::Entry<'a>,
    change: &'a wire::Change<'a>,
    members: BTreeMap<String, &'a RawValue>,
    metadata: wire::Metadata,
    contacts: Vec<Person<'a>>,
}

/// A contact, as raw text and parsed.
type Person<'a> = (&'a RawValue, wire::Contact);

/// The part that becomes one event: an element of a list, or a change without a list.
struct Piece<'c, 'a> {
    change: &'c Change<'a>,
    element: Option<Element<'a>>,
    contacts: Vec<&'c Person<'a>>,
}

struct Element<'a> {
    list: &'static str,
    kind: Option<&'static str>,
    raw: &'a RawValue,
    read: serde_json::Result<wire::Element>,
}

impl<'a> Change<'a> {
    fn new(notification: &wire::Notification<'a>, entry: &'a wire::Entry<'a>, change: &'a wire::Change<'a>) -> Self {
        let members: BTreeMap<String, &'a RawValue> = change.value.and_then(open).unwrap_or_default();
        let metadata = members.get("metadata").copied().and_then(open).unwrap_or_default();
        let contacts = list(&members, "contacts").into_iter().map(|raw| (raw, open(raw).unwrap_or_default())).collect();
        Self { object: notification.object, entry, change, members, metadata, contacts }
    }

    fn pieces<'c>(&'c self) -> Vec<Piece<'c, 'a>> {
        let elements: Vec<Element<'a>> = LISTS
            .iter()
            .flat_map(|(name, kind)| list(&self.members, name).into_iter().map(|raw| Element::new(name, *kind, raw)))
            .collect();
        if elements.is_empty() {
            return vec![Piece { change: self, element: None, contacts: Vec::new() }];
        }
        let single = elements.len() == 1;
        let mut people: HashMap<&str, &Person<'a>> = HashMap::new();
        for person in &self.contacts {
            for id in [person.1.user_id.get(), person.1.wa_id.get()].into_iter().flatten() {
                people.entry(id).or_insert(person);
            }
        }
        let piece = |element: Element<'a>| {
            let (user_id, phone) = element.peer();
            let known = user_id.and_then(|id| people.get(id)).or(phone.and_then(|id| people.get(id)));
            // A single element gets all contacts, whatever their ids.
            let contacts = if single { self.contacts.iter().collect() } else { known.copied().into_iter().collect() };
            Piece { change: self, element: Some(element), contacts }
        };
        elements.into_iter().map(piece).collect()
    }

    /// Returns the fields of the value that all its elements share.
    fn shared(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        let of_some = |name: &str| name == "contacts" || LISTS.iter().any(|(list, _)| *list == name);
        self.members.iter().filter(move |(name, _)| !of_some(name)).map(|(name, raw)| (name.as_str(), *raw))
    }

    fn field(&self) -> &str {
        self.change.field.get().unwrap_or("unknown")
    }

    fn account(&self) -> Option<&str> {
        self.metadata.phone_number_id.get().or(self.entry.id.as_ref().and_then(|(_, id)| id.get()))
    }
}

impl<'a> Element<'a> {
    fn new(list: &'static str, kind: Option<&'static str>, raw: &'a RawValue) -> Self {
        Self { list, kind, raw, read: serde_json::from_str(raw.get()) }
    }

    /// Returns the business-scoped user id and the phone number of the person on the other side; either may be absent.
    fn peer(&self) -> (Option<&str>, Option<&str>) {
        let Ok(read) = &self.read else { return (None, None) };
        match self.list {
            "messages" => (read.from_user_id.get(), read.from.get()),
            ECHOES => (read.to_user_id.get(), read.to.get()),
            _ => (read.recipient_user_id.get(), read.recipient_id.get()),
        }
    }

    /// A message has one status event for each delivery step.
    fn external_id(&self) -> String {
        let Ok(read) = &self.read else { return String::new() };
        match (read.id.get(), self.list) {
            (Some(id), "statuses") => format!("{id}:{}", read.status.or_empty()),
            (Some(id), _) => id.to_owned(),
            (None, _) => String::new(),
        }
    }
}

impl Piece<'_, '_> {
    fn event(&self, payload: Bytes) -> Received {
        let Some(element) = &self.element else { return self.event_of_change(payload) };
        let read = match &element.read {
            Ok(read) => read,
            Err(error) => return Received::malformed(&payload, error),
        };
        let kind = element.kind.unwrap_or(self.change.field());
        Received::new(element.external_id(), kind, payload)
            .in_lane(self.lane(element))
            .occurred(read.timestamp.0)
            .about(self.change.account())
    }

    /// The id is derived from the change alone, so that it is the same when a repetition arrives in another
    /// notification.
    fn event_of_change(&self, payload: Bytes) -> Received {
        let Change { entry, change, .. } = self.change;
        let waba = entry.id.as_ref().map_or("", |(_, id)| id.or_empty());
        let id = Received::hashed_id(
            &format!("{}\n{waba}", self.change.field()),
            change.value.map_or("", |value| value.get()).as_bytes(),
        );
        Received::new(id, self.change.field(), payload).occurred(entry.time.0).about(self.change.account())
    }

    /// Returns the lane of the conversation: our number and the person, by the business-scoped id or else the phone
    /// number.
    fn lane(&self, element: &Element<'_>) -> Option<String> {
        let (user_id, phone) = element.peer();
        // A single contact supplies the id that the element leaves out. With several contacts it is not known which one
        // is meant.
        let contact = match &self.contacts[..] {
            [(_, contact)] => Some(contact),
            _ => None,
        };
        let person = user_id
            .or(contact.and_then(|contact| contact.user_id.get()))
            .or(phone)
            .or(contact.and_then(|contact| contact.wa_id.get()))?;
        Some(format!("{}:{person}", self.change.metadata.phone_number_id.or_empty()))
    }
}

fn open<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn list<'a>(members: &BTreeMap<String, &'a RawValue>, name: &str) -> Vec<&'a RawValue> {
    members.get(name).copied().and_then(open).unwrap_or_default()
}

mod wire {
    use serde::{Deserialize, Deserializer};
    use serde_json::value::RawValue;

    use crate::loose::{Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Notification<'a> {
        #[serde(borrow, default)]
        pub(super) object: Option<&'a RawValue>,
        #[serde(borrow)]
        pub(super) entry: Vec<Entry<'a>>,
    }

    #[derive(Deserialize)]
    pub(super) struct Entry<'a> {
        #[serde(borrow, default, deserialize_with = "both")]
        pub(super) id: Option<(&'a RawValue, Text)>,
        #[serde(default)]
        pub(super) time: Moment,
        #[serde(borrow)]
        pub(super) changes: Vec<Change<'a>>,
    }

    #[derive(Deserialize)]
    pub(super) struct Change<'a> {
        #[serde(default)]
        pub(super) field: Text,
        #[serde(borrow, default)]
        pub(super) value: Option<&'a RawValue>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Metadata {
        pub(super) phone_number_id: Text,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Contact {
        pub(super) wa_id: Text,
        pub(super) user_id: Text,
    }

    /// The fields that messages, statuses and echoes share.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Element {
        pub(super) id: Text,
        pub(super) status: Text,
        pub(super) timestamp: Moment,
        pub(super) from: Text,
        pub(super) from_user_id: Text,
        pub(super) to: Text,
        pub(super) to_user_id: Text,
        pub(super) recipient_id: Text,
        pub(super) recipient_user_id: Text,
    }

    /// Parses a value and keeps its raw text.
    fn both<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(&'a RawValue, Text)>, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?;
        Ok(Some((raw, serde_json::from_str(raw.get()).unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests;
