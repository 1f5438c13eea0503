//! Parses Kapso's events: its own, of payload version 2, and Meta's notifications forwarded unchanged.
//!
//! <https://docs.kapso.ai/docs/platform/webhooks/event-types>. Each delivery step of a message repeats the whole
//! message.

use kernel::{Error, Result};
use provider::messaging::{Change, Content, Delivery, Direction, Message, Person};

use crate::messaging::meta::{
    self, content,
    read::{delivery, step, unreadable},
};

/// The reader of Kapso's events.
pub(in crate::messaging) struct Reader;

/// The prefix of the kinds of Kapso's own events about messages; the delivery step follows.
const OWN: &str = "whatsapp.message.";

impl provider::messaging::Reader for Reader {
    fn channel(&self) -> &'static str {
        meta::CHANNEL
    }

    fn reads(&self, kind: &str) -> bool {
        kind.starts_with(OWN) || meta::read::reads(kind)
    }

    fn read(&self, kind: &str, payload: &[u8]) -> Result<Vec<Change>> {
        match kind.strip_prefix(OWN) {
            Some(step) => own(step, payload),
            None => meta::read::read(payload),
        }
    }
}

fn own(told: &str, payload: &[u8]) -> Result<Vec<Change>> {
    let event: wire::Payload = serde_json::from_slice(payload).map_err(|error| unreadable(&error))?;
    let id = event.message.known.id.get();
    let id = id.ok_or_else(|| Error::bad_request("message_without_id", "a message has no id"))?.to_owned();
    let direction = event.direction(told);
    let person = event.person(direction);
    let mut changes = vec![Change::Message(Box::new(message(&event, &id, direction, person.clone())))];
    if direction == Direction::Inbound {
        return Ok(changes);
    }
    let mut steps = Vec::new();
    for status in &event.message.kapso.statuses {
        steps.extend(delivery(status, &[])?.map(|delivery| Delivery { message: id.clone(), ..delivery }));
    }
    if let Some(step) = step(told).filter(|step| steps.iter().all(|known| known.step != *step)) {
        steps.push(Delivery { message: id, step, at: None, error: None, person });
    }
    changes.extend(steps.into_iter().map(Change::Delivery));
    Ok(changes)
}

fn message(event: &wire::Payload, id: &str, direction: Direction, person: Person) -> Message {
    let known = &event.message.known;
    let kind = known.kind().to_owned();
    let mut content = content::read(&kind, known.rest.get(&kind), &known.rest);
    if let Content::Media(media) = &mut content {
        event.message.kapso.complete(media);
    }
    Message {
        id: id.to_owned(),
        direction,
        person,
        at: known.timestamp.0,
        content,
        reply_to: known.context.id.owned(),
        // A phone that is connected imports its past messages, which do not count as unread.
        asks_for_attention: direction == Direction::Inbound
            && kind != "system"
            && event.message.kapso.origin.get() != Some("history_sync"),
        kind,
    }
}

mod wire {
    use provider::messaging::{Direction, Media, Person};
    use serde::Deserialize;

    use crate::{
        loose::{self, Text},
        messaging::meta::read::wire as meta,
    };

    #[derive(Deserialize)]
    pub(super) struct Payload {
        #[serde(default, deserialize_with = "loose::object")]
        pub(super) message: Message,
        #[serde(default, deserialize_with = "loose::object")]
        conversation: Conversation,
    }

    /// Meta's message, with the fields that Kapso adds.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Message {
        #[serde(flatten)]
        pub(super) known: meta::Message,
        username: Text,
        business_scoped_user_id: Text,
        #[serde(deserialize_with = "loose::object")]
        pub(super) kapso: Kapso,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Kapso {
        direction: Text,
        pub(super) origin: Text,
        media_url: Text,
        #[serde(deserialize_with = "loose::object")]
        media_data: MediaData,
        #[serde(deserialize_with = "loose::list")]
        pub(super) statuses: Vec<meta::Status>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct MediaData {
        url: Text,
        filename: Text,
        content_type: Text,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Conversation {
        phone_number: Text,
        business_scoped_user_id: Text,
        parent_business_scoped_user_id: Text,
        username: Text,
        contact_name: Text,
        #[serde(deserialize_with = "loose::object")]
        kapso: Summary,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Summary {
        contact_name: Text,
    }

    impl Payload {
        pub(super) fn direction(&self, told: &str) -> Direction {
            match self.message.kapso.direction.get() {
                Some("outbound") => Direction::Outbound,
                Some("inbound") => Direction::Inbound,
                _ if self.message.kapso.origin.get() == Some("business_app") => Direction::Outbound,
                _ if told == "received" => Direction::Inbound,
                _ => Direction::Outbound,
            }
        }

        /// Returns the person on the other side: from the message, or else from the conversation.
        pub(super) fn person(&self, direction: Direction) -> Person {
            let Self { message, conversation } = self;
            let mut person = message.known.peer(direction);
            let own_id = message.business_scoped_user_id.owned();
            person.bsuid = person.bsuid.or(own_id).or(conversation.business_scoped_user_id.owned());
            person.parent_bsuid = person.parent_bsuid.or(conversation.parent_business_scoped_user_id.owned());
            if person.phone.is_none() {
                person.set_address(conversation.phone_number.or_empty());
            }
            let username = conversation.username.get().or(message.username.get());
            person.username = username.map(|name| name.trim_start_matches('@').to_owned());
            person.name = conversation.contact_name.owned().or(conversation.kapso.contact_name.owned());
            person
        }
    }

    impl Kapso {
        /// Adds what Kapso knows of a file.
        pub(super) fn complete(&self, media: &mut Media) {
            let fill = |place: &mut Option<String>, text: &Text| {
                if place.is_none() {
                    *place = text.owned();
                }
            };
            // Kapso's address needs no access token of Meta.
            media.url = self.media_url.owned().or(self.media_data.url.owned()).or(media.url.take());
            fill(&mut media.filename, &self.media_data.filename);
            fill(&mut media.mime_type, &self.media_data.content_type);
        }
    }
}

#[cfg(test)]
mod tests;
