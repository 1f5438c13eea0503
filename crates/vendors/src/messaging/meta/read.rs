//! Parses a notification: messages, echoes, delivery steps of outgoing messages, and changed identities.
//!
//! Identity: <https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids>, as
//! corrected in August 2026. A person who hides the phone number is identified by `user_id` alone.

use kernel::{Error, Result};
use provider::messaging::{Change, Delivery, Direction, Message, Person, Step};

use super::content;

/// The kinds of events that are parsed: the names that `events` gives, and the fields of echoes and of people.
const KINDS: [&str; 5] = ["message", "status", "smb_message_echoes", "message_echoes", "user_id_update"];

pub(in crate::messaging) fn reads(kind: &str) -> bool {
    KINDS.contains(&kind)
}

pub(in crate::messaging) fn read(payload: &[u8]) -> Result<Vec<Change>> {
    let notification: wire::Notification = serde_json::from_slice(payload).map_err(|error| unreadable(&error))?;
    let mut changes = Vec::new();
    for value in notification.entry.into_iter().flat_map(|entry| entry.changes).map(|change| change.value) {
        for message in &value.messages {
            changes.extend(received(message, &value.contacts)?);
        }
        for echo in &value.message_echoes {
            changes.push(Change::Message(Box::new(echoed(echo)?)));
        }
        for status in &value.statuses {
            changes.extend(delivery(status, &value.contacts)?.map(Change::Delivery));
        }
        changes.extend(value.user_id_update.iter().map(|update| Change::Renamed(Box::new(update.renamed()))));
    }
    Ok(changes)
}

pub(in crate::messaging) fn unreadable(error: &serde_json::Error) -> Error {
    Error::bad_request("event_unreadable", format!("the event is malformed: {error}"))
}

fn received(message: &wire::Message, contacts: &[wire::Contact]) -> Result<Vec<Change>> {
    let mut sender = message.peer(Direction::Inbound);
    wire::Contact::complete(contacts, &mut sender);
    let mut changes = Vec::new();
    if let Some(renamed) = message.system().and_then(|system| system.renamed(&sender, message.timestamp.0)) {
        sender = renamed.after.clone();
        changes.push(Change::Renamed(Box::new(renamed)));
    }
    changes.push(Change::Message(Box::new(build(message, Direction::Inbound, sender)?)));
    Ok(changes)
}

fn echoed(echo: &wire::Message) -> Result<Message> {
    build(echo, Direction::Outbound, echo.peer(Direction::Outbound))
}

fn build(message: &wire::Message, direction: Direction, person: Person) -> Result<Message> {
    let id = message.id.get().ok_or_else(|| Error::bad_request("message_without_id", "a message has no id"))?;
    let kind = message.kind().to_owned();
    Ok(Message {
        id: id.to_owned(),
        direction,
        person,
        at: message.timestamp.0,
        asks_for_attention: direction == Direction::Inbound && kind != "system",
        content: content::read(&kind, message.rest.get(&kind), &message.rest),
        reply_to: message.context.id.owned(),
        kind,
    })
}

/// Parses a delivery step; none for a status that is none, such as a warning.
pub(in crate::messaging) fn delivery(status: &wire::Status, contacts: &[wire::Contact]) -> Result<Option<Delivery>> {
    let Some(step) = step(status.status.or_empty()) else { return Ok(None) };
    let id = status.id.get().ok_or_else(|| Error::bad_request("status_without_id", "a status names no message"))?;
    let mut person = Person { bsuid: status.recipient_user_id.owned(), ..Person::default() };
    person.parent_bsuid = status.recipient_parent_user_id.owned();
    person.set_address(status.recipient_id.or_empty());
    wire::Contact::complete(contacts, &mut person);
    let error = status.errors.first().map(wire::Problem::sentence);
    Ok(Some(Delivery { message: id.to_owned(), step, at: status.timestamp.0, error, person }))
}

/// A voice message that was played was read; `played` is sent instead of `read`.
pub(in crate::messaging) fn step(status: &str) -> Option<Step> {
    match status {
        "sent" => Some(Step::Sent),
        "delivered" => Some(Step::Delivered),
        "read" | "played" => Some(Step::Read),
        "failed" => Some(Step::Failed),
        _ => None,
    }
}

pub(in crate::messaging) mod wire {
    use kernel::Time;
    use provider::messaging::{Direction, Person, Renamed, phone};
    use serde::Deserialize;
    use serde_json::{Map, Value};

    use crate::loose::{self, Moment, Text};

    #[derive(Deserialize)]
    pub(super) struct Notification {
        #[serde(default, deserialize_with = "loose::list")]
        pub(super) entry: Vec<Entry>,
    }

    #[derive(Deserialize)]
    pub(super) struct Entry {
        #[serde(default, deserialize_with = "loose::list")]
        pub(super) changes: Vec<ChangeOf>,
    }

    #[derive(Deserialize)]
    pub(super) struct ChangeOf {
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) value: Of,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Of {
        #[serde(deserialize_with = "loose::list")]
        pub(super) contacts: Vec<Contact>,
        #[serde(deserialize_with = "loose::list")]
        pub(super) messages: Vec<Message>,
        #[serde(deserialize_with = "loose::list")]
        pub(super) message_echoes: Vec<Message>,
        #[serde(deserialize_with = "loose::list")]
        pub(super) statuses: Vec<Status>,
        #[serde(deserialize_with = "loose::list")]
        pub(super) user_id_update: Vec<UserIdUpdate>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(in crate::messaging) struct Contact {
        wa_id: Text,
        user_id: Text,
        parent_user_id: Text,
        username: Text,
        #[serde(deserialize_with = "loose::object")]
        profile: Profile,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Profile {
        name: Text,
        username: Text,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(in crate::messaging) struct Message {
        pub(in crate::messaging) id: Text,
        from: Text,
        from_user_id: Text,
        from_parent_user_id: Text,
        to: Text,
        to_user_id: Text,
        to_parent_user_id: Text,
        pub(in crate::messaging) timestamp: Moment,
        r#type: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(in crate::messaging) context: Context,
        /// The remaining fields: the content stands under the name of the type.
        #[serde(flatten)]
        pub(in crate::messaging) rest: Map<String, Value>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(in crate::messaging) struct Context {
        pub(in crate::messaging) id: Text,
    }

    /// The notice of a person's new identities. The old id is the sender's where the notice does not contain it.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct System {
        r#type: Text,
        wa_id: Text,
        new_wa_id: Text,
        user_id: Text,
        previous_user_id: Text,
        parent_user_id: Text,
        previous_parent_user_id: Text,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(in crate::messaging) struct Status {
        pub(super) id: Text,
        pub(super) status: Text,
        pub(super) timestamp: Moment,
        pub(super) recipient_id: Text,
        pub(super) recipient_user_id: Text,
        pub(super) recipient_parent_user_id: Text,
        #[serde(deserialize_with = "loose::list")]
        pub(super) errors: Vec<Problem>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Problem {
        code: Text,
        title: Text,
        message: Text,
        #[serde(deserialize_with = "loose::object")]
        error_data: ProblemData,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ProblemData {
        details: Text,
    }

    /// The format of the first half of 2026, which some senders still use.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct UserIdUpdate {
        wa_id: Text,
        timestamp: Moment,
        #[serde(deserialize_with = "loose::object")]
        user_id: Pair,
        #[serde(deserialize_with = "loose::object")]
        parent_user_id: Pair,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Pair {
        previous: Text,
        current: Text,
    }

    impl Message {
        pub(in crate::messaging) fn kind(&self) -> &str {
            self.r#type.get().unwrap_or("unsupported")
        }

        /// Returns the person on the other side.
        pub(in crate::messaging) fn peer(&self, direction: Direction) -> Person {
            let (id, parent, address) = match direction {
                Direction::Inbound => (&self.from_user_id, &self.from_parent_user_id, &self.from),
                Direction::Outbound => (&self.to_user_id, &self.to_parent_user_id, &self.to),
            };
            let mut person = Person { bsuid: id.owned(), parent_bsuid: parent.owned(), ..Person::default() };
            person.set_address(address.or_empty());
            person
        }

        pub(super) fn system(&self) -> Option<System> {
            self.rest.get("system").and_then(|system| serde_json::from_value(system.clone()).ok())
        }
    }

    impl Contact {
        /// Adds the identities that a notification lists outside of the message.
        pub(super) fn complete(contacts: &[Self], person: &mut Person) {
            let Some(contact) = contacts.iter().find(|contact| contact.is(person)).or(match contacts {
                [only] if person.is_nobody() => Some(only),
                _ => None,
            }) else {
                return;
            };
            let fill = |place: &mut Option<String>, text: &Text| {
                if place.is_none() {
                    *place = text.owned();
                }
            };
            fill(&mut person.bsuid, &contact.user_id);
            fill(&mut person.parent_bsuid, &contact.parent_user_id);
            fill(&mut person.username, &contact.profile.username);
            fill(&mut person.username, &contact.username);
            fill(&mut person.name, &contact.profile.name);
            if person.phone.is_none() {
                person.set_address(contact.wa_id.or_empty());
            }
        }

        fn is(&self, person: &Person) -> bool {
            let same_id = self.user_id.get().is_some() && self.user_id.get() == person.bsuid.as_deref();
            let number = self.wa_id.get().and_then(phone);
            same_id || (number.is_some() && number == person.phone)
        }
    }

    impl System {
        pub(super) fn renamed(&self, sender: &Person, at: Option<Time>) -> Option<Renamed> {
            if !matches!(self.r#type.get(), Some("user_changed_number" | "user_changed_user_id")) {
                return None;
            }
            let number = self.wa_id.get().or(self.new_wa_id.get()).and_then(phone);
            let mut before = Person { name: None, username: None, ..sender.clone() };
            before.bsuid = self.previous_user_id.owned().or(before.bsuid).filter(|id| self.user_id.get() != Some(id));
            before.parent_bsuid = (self.previous_parent_user_id.owned().or(before.parent_bsuid))
                .filter(|id| self.parent_user_id.get() != Some(id));
            before.phone = before.phone.filter(|old| number.as_ref() != Some(old));
            let after = Person {
                bsuid: self.user_id.owned(),
                parent_bsuid: self.parent_user_id.owned(),
                phone: number,
                username: sender.username.clone(),
                name: sender.name.clone(),
            };
            (!after.is_nobody()).then_some(Renamed { before, after, at })
        }
    }

    impl UserIdUpdate {
        pub(super) fn renamed(&self) -> Renamed {
            let number = self.wa_id.get().and_then(phone);
            let person = |id: &Text, parent: &Text| Person {
                bsuid: id.owned(),
                parent_bsuid: parent.owned(),
                phone: number.clone(),
                ..Person::default()
            };
            Renamed {
                before: person(&self.user_id.previous, &self.parent_user_id.previous),
                after: person(&self.user_id.current, &self.parent_user_id.current),
                at: self.timestamp.0,
            }
        }
    }

    impl Problem {
        pub(super) fn sentence(&self) -> String {
            let words = self.error_data.details.get().or(self.message.get());
            let title = self.title.get().filter(|title| Some(*title) != words);
            let parts = [self.code.get(), title, words];
            parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
        }
    }
}

#[cfg(test)]
mod tests;
