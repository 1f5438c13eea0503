//! A conversation.

use engine::{Place, Placed};
use kernel::{Error, Id, Result, Time};
use schemars::JsonSchema;
use serde::Serialize;

use crate::contacts::ContactId;

kernel::id_prefix! {
    /// The kind of id of a conversation.
    pub ConversationPrefix = "cnv" in "conversations"
}

/// The id of a conversation.
pub type ConversationId = Id<ConversationPrefix>;

/// A thread with a contact on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// `cnv_…`
    #[serde(rename = "_id")]
    pub id: ConversationId,
    /// When the conversation began.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The contact.
    pub contact_id: ContactId,
    /// The display name of the contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    /// The phone number of the contact, as `+` and digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
    /// The channel: `whatsapp`.
    pub channel: String,
    /// The connection of the newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// The status.
    pub status: Status,
    /// The number of unread messages.
    pub unread_count: i64,
    /// When the newest message was written.
    pub last_message_at: Time,
    /// The beginning of the newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_preview: Option<String>,
}

/// Lists of conversations are sorted by their newest message, newest first.
impl Placed for Conversation {
    fn place(&self) -> Place {
        Place(vec![self.last_message_at.ms().into(), self.id.as_str().into()])
    }
}

/// The status of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ConversationStatus")]
pub enum Status {
    /// New messages are added to it.
    Open,
    /// It has ended. The next message begins another conversation.
    Closed,
    /// Its messages were moved to another conversation when its contact was merged.
    Merged,
}

impl Status {
    /// Returns the name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let known = [Self::Open, Self::Closed, Self::Merged].into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| Error::internal("conversation_status", format!("there is no status called {text}")))
    }
}

/// The changes that a new message makes to its conversation.
#[derive(Clone, Debug)]
pub(crate) struct NewMessage {
    /// When the message was written.
    pub at: Time,
    /// The beginning of the message.
    pub preview: String,
    /// Whether the message counts as unread.
    pub unread: bool,
    /// The connection of the message.
    pub connection: Option<String>,
}

/// The counters and the preview of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub unread: i64,
    pub at: Time,
    pub preview: Option<String>,
    pub connection: Option<String>,
}

impl From<&NewMessage> for Figures {
    fn from(news: &NewMessage) -> Self {
        Self {
            unread: news.unread.into(),
            at: news.at,
            preview: Some(news.preview.clone()),
            connection: news.connection.clone(),
        }
    }
}

impl Figures {
    /// The figures before the first message.
    pub(super) const NONE: Self = Self { unread: 0, at: Time::from_ms(i64::MIN), preview: None, connection: None };

    /// Returns the figures after a later message. One that is older than what is shown is only counted.
    pub(super) fn followed_by(self, later: Self) -> Self {
        let unread = self.unread + later.unread;
        let shown = if self.at <= later.at { later } else { self };
        Self { unread, ..shown }
    }

    /// Returns the figures of two conversations that become one.
    pub(super) fn with(self, other: &Self) -> Self {
        let unread = self.unread + other.unread;
        let shown = if other.at > self.at { other.clone() } else { self };
        Self { unread, ..shown }
    }

    /// Returns the figures after the messages of `other` left; `newest` is the newest message that stays.
    pub(super) fn without(self, other: &Self, newest: Option<(Time, String)>) -> Self {
        let (at, preview) = newest.map_or((Time::default(), None), |(at, preview)| (at, Some(preview)));
        Self { unread: (self.unread - other.unread).max(0), at, preview, connection: self.connection }
    }
}

/// The number of characters of a message that lists show.
const PREVIEW: usize = 200;

impl NewMessage {
    /// Returns the beginning of a message: its first characters, or its type in brackets when it has no text.
    pub(crate) fn preview(text: Option<&str>, kind: &str) -> String {
        text.map_or_else(|| format!("[{kind}]"), |text| text.chars().take(PREVIEW).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_counts_characters_and_names_what_has_no_words() {
        assert_eq!(NewMessage::preview(Some(&"é".repeat(300)), "text"), "é".repeat(200));
        assert_eq!(NewMessage::preview(None, "image"), "[image]");
    }
}
