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
    /// When it began.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// With whom.
    pub contact_id: ContactId,
    /// What the contact is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    /// The contact's number, as `+` and digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
    /// The channel: `whatsapp`.
    pub channel: String,
    /// The connection that the last message came through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Messages that nobody has looked at.
    pub unread_count: i64,
    /// When the newest message was written.
    pub last_message_at: Time,
    /// How the newest message begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_preview: Option<String>,
}

/// Lists of conversations begin with the one that has the newest message.
impl Placed for Conversation {
    fn place(&self) -> Place {
        Place(vec![self.last_message_at.ms().into(), self.id.as_str().into()])
    }
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ConversationStatus")]
pub enum Status {
    /// Messages go here.
    Open,
    /// Over. The next message begins another one.
    Closed,
    /// Emptied into another when its contact was merged.
    Merged,
}

impl Status {
    /// As it is stored and shown.
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

/// What a new message changes in its conversation.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// When the message was written.
    pub at: Time,
    /// How it begins.
    pub preview: String,
    /// Whether somebody should look at it.
    pub unread: bool,
    /// The connection that it came through.
    pub connection: Option<String>,
}

/// What a conversation counts and shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub unread: i64,
    pub at: Time,
    pub preview: Option<String>,
    pub connection: Option<String>,
}

impl Figures {
    /// What two conversations count and show as one.
    pub(super) fn with(self, other: &Self) -> Self {
        let unread = self.unread + other.unread;
        let shown = if other.at > self.at { other.clone() } else { self };
        Self { unread, ..shown }
    }

    /// What is left when `other` is taken out, and `newest` is the newest message that stays.
    pub(super) fn without(self, other: &Self, newest: Option<(Time, String)>) -> Self {
        let (at, preview) = newest.map_or((Time::default(), None), |(at, preview)| (at, Some(preview)));
        Self { unread: (self.unread - other.unread).max(0), at, preview, connection: self.connection }
    }
}

/// Lists show so many characters of a message.
const PREVIEW: usize = 200;

impl News {
    /// How a message begins: its first characters, or its type in brackets where it has no words.
    pub(crate) fn preview(text: Option<&str>, kind: &str) -> String {
        text.map_or_else(|| format!("[{kind}]"), |text| text.chars().take(PREVIEW).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_counts_characters_and_names_what_has_no_words() {
        assert_eq!(News::preview(Some(&"é".repeat(300)), "text"), "é".repeat(200));
        assert_eq!(News::preview(None, "image"), "[image]");
    }
}
