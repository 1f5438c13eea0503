//! What the events of a messaging vendor say, in words that fit all of them.
//!
//! A vendor reads its own JSON into these types; whoever keeps conversations knows only these.

use kernel::{Result, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Reads the events of one vendor. It needs no settings: what it reads was verified on the way in.
pub trait Reader: Send + Sync + 'static {
    /// What people write on: `whatsapp`. Vendors of the same channel speak of the same people.
    fn channel(&self) -> &'static str;

    /// Whether events of this kind say anything that is kept.
    fn reads(&self, kind: &str) -> bool;

    /// What an event says, in the order in which it is to be kept.
    ///
    /// # Errors
    /// `BadRequest` when the payload is not what the vendor sends.
    fn read(&self, kind: &str, payload: &[u8]) -> Result<Vec<Change>>;
}

/// One thing that an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A message was written.
    Message(Box<Message>),
    /// A message of ours came a step further.
    Delivery(Delivery),
    /// A person goes by other names from now on.
    Renamed(Box<Renamed>),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The vendor's id.
    pub id: String,
    /// Who wrote it.
    pub direction: Direction,
    /// The person on the other side.
    pub person: Person,
    /// When it was written.
    pub at: Option<Time>,
    /// The vendor's name of its type: `text`, `image`, `interactive`, …
    pub kind: String,
    /// What it holds.
    pub content: Content,
    /// The message that it answers.
    pub reply_to: Option<String>,
    /// Whether somebody should look at it: not our own, not what a phone brings along from the past, not a notice of the
    /// vendor's.
    pub asks_for_attention: bool,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The person.
    Inbound,
    /// The organization, from wherever it writes.
    Outbound,
}

/// What is known of a person. Any of it may be missing, and no single one is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The vendor's id of the person for this business, kept to the letter.
    pub bsuid: Option<String>,
    /// The same for the business that this one belongs to.
    pub parent_bsuid: Option<String>,
    /// The number, as `+` and digits.
    pub phone: Option<String>,
    /// The name that the person chose on the channel; it may be another's tomorrow.
    pub username: Option<String>,
    /// The name for people.
    pub name: Option<String>,
}

/// How far a message of ours has come. The order is that of the steps: none is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The vendor has it.
    Sent,
    /// It cannot be delivered.
    Failed,
    /// It is on the person's phone.
    Delivered,
    /// It was seen.
    Read,
}

/// A step of a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The vendor's id of the message.
    pub message: String,
    /// The step.
    pub step: Step,
    /// When.
    pub at: Option<Time>,
    /// Why it failed.
    pub error: Option<String>,
    /// Who it was for; often more is known than when it was sent.
    pub person: Person,
}

/// A person who goes by other names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// What the person was called.
    pub before: Person,
    /// What the person is called.
    pub after: Person,
    /// Since when.
    pub at: Option<Time>,
}

/// What a message holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Words.
    Text {
        /// The words.
        body: String,
    },
    /// A file.
    Media(Media),
    /// A place.
    Location(Location),
    /// A choice out of those that we offered.
    Choice(Choice),
    /// A sign under another message; none when it was taken away.
    Reaction(Reaction),
    /// Anything else, as the vendor sent it.
    Other(Value),
}

/// A file at the vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// The vendor's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it can be had for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The words under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// A place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A choice out of those that we offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What we called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What the person read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The line below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The answers of a form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
}

/// A sign under another message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    /// The message that it is under, by the vendor's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

impl Content {
    /// What a person would read of it in a list.
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
    /// Notes an address that is a phone number or, since vendors put either into the same place, a business-scoped id.
    pub fn set_address(&mut self, address: &str) {
        match phone(address) {
            Some(phone) => self.phone = Some(phone),
            None if self.bsuid.is_none() && !address.is_empty() => self.bsuid = Some(address.to_owned()),
            None => {}
        }
    }

    /// Whether there is nothing by which the person could be known again.
    pub fn is_nobody(&self) -> bool {
        self.bsuid.is_none() && self.parent_bsuid.is_none() && self.phone.is_none()
    }
}

/// A phone number as `+` and digits, from any way in which people and vendors write one with its country code.
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
