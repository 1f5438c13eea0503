//! The events of messaging vendors, in types that fit all of them.
//!
//! A vendor parses its own JSON into these types; the features know only these.

use kernel::{Result, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parses the events of one vendor. It needs no settings: the events were verified when they were received.
pub trait Reader: Send + Sync + 'static {
    /// Returns the channel: `whatsapp`. Vendors of the same channel identify the same people.
    fn channel(&self) -> &'static str;

    /// Returns whether events of this kind contain something to store.
    fn reads(&self, kind: &str) -> bool;

    /// Parses an event into changes, in the order in which they are to be stored.
    ///
    /// # Errors
    /// `BadRequest` when the payload is not what the vendor sends.
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Vec<Change>>;
}

/// One change that an event reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A message was written.
    Message(Box<Message>),
    /// An outgoing message reached another delivery step.
    Delivery(Delivery),
    /// A person has other identities from now on.
    Renamed(Box<Renamed>),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The vendor's id of the message.
    pub id: String,
    /// The direction.
    pub direction: Direction,
    /// The person on the other side.
    pub person: Person,
    /// When it was written.
    pub at: Option<Time>,
    /// The vendor's name of its type: `text`, `image`, `interactive`, …
    pub kind: String,
    /// The content.
    pub content: Content,
    /// The vendor's id of the message that it answers.
    pub reply_to: Option<String>,
    /// Whether the message counts as unread: not one of our own, not one that a phone imports from its past, not a
    /// notice of the vendor.
    pub asks_for_attention: bool,
}

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Written by the person.
    Inbound,
    /// Written by the organization, from whichever program.
    Outbound,
}

/// The identities of a person. Any of them may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The vendor's id of the person for this business, unchanged.
    pub bsuid: Option<String>,
    /// The vendor's id of the person for the parent business.
    pub parent_bsuid: Option<String>,
    /// The phone number, as `+` and digits.
    pub phone: Option<String>,
    /// The username that the person chose on the channel; it may belong to another person tomorrow.
    pub username: Option<String>,
    /// The display name.
    pub name: Option<String>,
}

/// A delivery step of an outgoing message. The variants are in order: no step is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The vendor accepted the message.
    Sent,
    /// The message cannot be delivered.
    Failed,
    /// The message was delivered to the person's phone.
    Delivered,
    /// The message was read.
    Read,
}

/// A delivery step of an outgoing message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The vendor's id of the message.
    pub message: String,
    /// The step.
    pub step: Step,
    /// When the step was taken.
    pub at: Option<Time>,
    /// Why it failed.
    pub error: Option<String>,
    /// The recipient; the event often has more identities than were known when the message was sent.
    pub person: Person,
}

/// A person with other identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The identities before.
    pub before: Person,
    /// The identities after.
    pub after: Person,
    /// When they changed.
    pub at: Option<Time>,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Text.
    Text {
        /// The text.
        body: String,
    },
    /// A file.
    Media(Media),
    /// A location.
    Location(Location),
    /// A choice among options that were offered.
    Choice(Choice),
    /// A reaction to another message; none when it was removed.
    Reaction(Reaction),
    /// Any other content, as the vendor sent it.
    Other(Value),
}

/// A file at the vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// The vendor's id of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The address from which it can be downloaded for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The file name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// A location.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A choice among options that were offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The id of the option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The title of the option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The description of the option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The answers of a form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
}

/// A reaction to another message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    /// The vendor's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The emoji.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

impl Content {
    /// Returns the text that people read in a list.
    pub fn text(&self) -> Option<&str> {
        let text = match self {
            Self::Text { body } => Some(body.as_str()),
            Self::Media(media) => media.caption.as_deref().or(media.filename.as_deref()),
            Self::Location(place) => place.name.as_deref().or(place.address.as_deref()),
            Self::Choice(choice) => choice.title.as_deref(),
            Self::Reaction(reaction) => reaction.emoji.as_deref(),
            Self::Other(value) => value.get("body").and_then(Value::as_str),
        };
        text.filter(|text| !text.is_empty())
    }
}

impl Person {
    /// Sets a phone number or a business-scoped id: vendors put either into the same field.
    pub fn set_address(&mut self, address: &str) {
        match phone(address) {
            Some(phone) => self.phone = Some(phone),
            None if self.bsuid.is_none() && !address.is_empty() => self.bsuid = Some(address.to_owned()),
            None => {}
        }
    }

    /// Returns whether there is no identity by which the person could be recognised.
    pub fn is_nobody(&self) -> bool {
        self.bsuid.is_none() && self.parent_bsuid.is_none() && self.phone.is_none()
    }
}

/// Parses a phone number with its country code, however it is written, into `+` and digits.
pub fn phone(text: &str) -> Option<String> {
    let separator = |c: char| matches!(c, '+' | ' ' | '-' | '(' | ')' | '.');
    if !text.chars().all(|c| c.is_ascii_digit() || separator(c)) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (3..=20).contains(&digits.len()).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_a_plus_and_digits_however_it_is_written() {
        for written in ["491701234567", "+491701234567", "+49 (170) 123-45.67"] {
            assert_eq!(phone(written).as_deref(), Some("+491701234567"), "{written}");
        }
        for other in ["", "US.13491208655302741918", "12", "49170a", "123456789012345678901"] {
            assert_eq!(phone(other), None, "{other}");
        }
    }

    #[test]
    fn an_address_that_is_no_number_is_kept_to_the_letter() {
        let mut person = Person::default();
        person.set_address("US.13491208655302741918");
        assert_eq!(person.bsuid.as_deref(), Some("US.13491208655302741918"));
        person.set_address("491701234567");
        assert_eq!(person.phone.as_deref(), Some("+491701234567"));
        assert!(person.bsuid.is_some() && !person.is_nobody());
    }

    #[test]
    fn no_step_is_taken_back_and_a_message_that_arrived_did_not_fail() {
        assert!(Step::Sent < Step::Failed && Step::Failed < Step::Delivered && Step::Delivered < Step::Read);
    }
}
