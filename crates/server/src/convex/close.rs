//! How a connection ends. The reason is a short name: by it the clients choose how long they wait before they come again.
//!
//! No client is ever told to go for good (`FatalError`): it could not know when the cause is gone.

use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, protocol::CloseFrame};

/// What a close frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    code: Option<u16>,
    reason: &'static str,
    /// What happened, for our own log.
    pub why: &'static str,
}

impl Close {
    /// The client said what the protocol does not allow; on a new connection both begin again from nothing.
    pub(super) fn protocol(why: &'static str) -> Self {
        Self { code: Some(1011), reason: "InternalServerError", why }
    }

    /// Something broke here.
    pub(super) fn internal(why: &'static str) -> Self {
        Self { code: Some(1011), reason: "InternalServerError", why }
    }

    /// The client said more at once than is listened to.
    pub(super) fn too_long() -> Self {
        Self { code: Some(1009), reason: "MessageTooBig", why: "a message that is too long" }
    }

    /// This process ends; another one answers soon.
    pub(super) fn restart() -> Self {
        Self { code: Some(1012), reason: "TooManyConcurrentRequests", why: "the server ends" }
    }

    /// After an `AuthError`, which says everything.
    pub(super) fn unauthenticated() -> Self {
        Self { code: None, reason: "", why: "what the client showed is worth nothing" }
    }

    /// The client has left, or can no longer be reached.
    pub(super) fn gone(why: &'static str) -> Self {
        Self { code: Some(1000), reason: "", why }
    }

    /// The frame.
    pub(super) fn message(&self) -> Message {
        let frame = |code| CloseFrame { code: u16::into(code), reason: Utf8Bytes::from_static(self.reason) };
        Message::Close(self.code.map(frame))
    }
}
