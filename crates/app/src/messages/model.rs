//! A message, and its delivery steps.

use engine::{Place, Placed};
use kernel::{Error, Id, Result, Time};
use provider::messaging::{self, Step};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::conversations::ConversationId;

kernel::id_prefix! {
    /// The kind of id of a message.
    pub MessagePrefix = "msg" in "messages"
}

/// The id of a message.
pub type MessageId = Id<MessagePrefix>;

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// `msg_…`
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// When the message was stored.
    #[serde(rename = "_creationTime")]
    pub creation_time: Time,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The vendor that reported the message.
    pub provider: String,
    /// The vendor's id of the message.
    pub external_id: String,
    /// Whether the contact or the organization wrote the message.
    pub direction: Direction,
    /// `text`, `image`, `interactive`, …
    pub r#type: String,
    /// The text that people read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The content, whose structure depends on the type.
    pub content: Value,
    /// The vendor's id of the message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The status.
    pub status: Status,
    /// When the message was written, by the vendor's clock.
    pub occurred_at: Time,
    /// The times of the delivery steps.
    #[serde(flatten)]
    pub steps: DeliverySteps,
}

/// Lists of messages are sorted newest first.
impl Placed for Message {
    fn place(&self) -> Place {
        Place(vec![self.occurred_at.ms().into(), self.id.as_str().into()])
    }
}

/// The times of the delivery steps of an outgoing message, and why it failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MessageSteps")]
pub struct DeliverySteps {
    /// When the vendor accepted the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
    /// When the message was delivered to the person's phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// When the message was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Time>,
    /// When the message failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Time>,
    /// Why the message failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MessageDirection")]
pub enum Direction {
    /// Written by the contact.
    Inbound,
    /// Written by the organization.
    Outbound,
}

/// The status of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MessageStatus")]
pub enum Status {
    /// An incoming message, stored.
    Received,
    /// Accepted by the vendor.
    Sent,
    /// Failed for good.
    Failed,
    /// Delivered to the person's phone.
    Delivered,
    /// Read by the person.
    Read,
}

impl Direction {
    /// Returns the name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let known = [Self::Inbound, Self::Outbound].into_iter().find(|direction| direction.as_str() == text);
        known.ok_or_else(|| Error::internal("message_direction", format!("there is no direction called {text}")))
    }
}

impl From<messaging::Direction> for Direction {
    fn from(direction: messaging::Direction) -> Self {
        match direction {
            messaging::Direction::Inbound => Self::Inbound,
            messaging::Direction::Outbound => Self::Outbound,
        }
    }
}

impl Status {
    const ALL: [Self; 5] = [Self::Received, Self::Sent, Self::Failed, Self::Delivered, Self::Read];

    /// Returns the name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| Error::internal("message_status", format!("there is no status called {text}")))
    }

    pub(super) fn of(step: Step) -> Self {
        match step {
            Step::Sent => Self::Sent,
            Step::Failed => Self::Failed,
            Step::Delivered => Self::Delivered,
            Step::Read => Self::Read,
        }
    }
}

/// A delivery step as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredStep {
    pub step: Step,
    pub at: Time,
    pub error: Option<String>,
}

impl DeliverySteps {
    /// Adds a step. Steps arrive late, twice and in any order: the result is the same.
    pub(super) fn take(&mut self, taken: &StoredStep) {
        let place = match taken.step {
            Step::Sent => &mut self.sent_at,
            Step::Failed => &mut self.failed_at,
            Step::Delivered => &mut self.delivered_at,
            Step::Read => &mut self.read_at,
        };
        *place = Some(place.map_or(taken.at, |known| known.min(taken.at)));
        if taken.step == Step::Failed {
            self.error = self.error.take().max(taken.error.clone());
        }
    }

    /// Returns the furthest step: no step is taken back, and a message that was delivered did not fail.
    pub(super) fn furthest(&self) -> Option<Step> {
        let taken = [
            (Step::Sent, self.sent_at),
            (Step::Failed, self.failed_at),
            (Step::Delivered, self.delivered_at),
            (Step::Read, self.read_at),
        ];
        taken.into_iter().filter(|(_, at)| at.is_some()).map(|(step, _)| step).max()
    }
}

pub(super) fn parse_step(text: &str) -> Result<Step> {
    let known = [Step::Sent, Step::Failed, Step::Delivered, Step::Read].into_iter();
    let mut known = known.filter(|step| Status::of(*step).as_str() == text);
    known.next().ok_or_else(|| Error::internal("message_step", format!("there is no step called {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(step: Step, ms: i64) -> StoredStep {
        let error = (step == Step::Failed).then(|| "131026 undeliverable".to_owned());
        StoredStep { step, at: Time::from_ms(ms), error }
    }

    fn after(taken: &[&StoredStep]) -> DeliverySteps {
        let mut steps = DeliverySteps::default();
        for taken in taken {
            steps.take(taken);
        }
        steps
    }

    #[test]
    fn the_order_in_which_steps_are_told_does_not_matter() {
        let (sent, delivered, read) = (taken(Step::Sent, 1), taken(Step::Delivered, 2), taken(Step::Read, 3));
        let all = after(&[&sent, &delivered, &read]);
        assert_eq!(all.furthest(), Some(Step::Read));
        assert_eq!(after(&[&read, &sent, &delivered, &sent]), all);
        assert_eq!(after(&[&read]).furthest(), Some(Step::Read), "delivered may be left out");
    }

    #[test]
    fn a_message_that_arrived_did_not_fail() {
        let (sent, failed, delivered) = (taken(Step::Sent, 1), taken(Step::Failed, 2), taken(Step::Delivered, 3));
        assert_eq!(after(&[&failed, &sent]).furthest(), Some(Step::Failed));
        assert_eq!(after(&[&delivered, &failed]).furthest(), Some(Step::Delivered));
        assert_eq!(after(&[&failed, &delivered]), after(&[&delivered, &failed]));
    }
}
