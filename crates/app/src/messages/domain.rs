//! What other features can hear of.

use engine::DomainEvent;
use serde::{Deserialize, Serialize};

use super::MessageId;
use crate::conversations::ConversationId;

/// A person wrote to the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageReceived {
    /// The message.
    pub message: MessageId,
    /// The conversation that it is in.
    pub conversation: ConversationId,
}

impl DomainEvent for MessageReceived {
    const NAME: &'static str = "message.received";

    fn subject(&self) -> Option<String> {
        Some(self.conversation.to_string())
    }
}
