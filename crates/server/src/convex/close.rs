//! How a connection ends. The reason is a short name, by which clients choose how long they wait before they reconnect.
//!
//! `FatalError` is never sent: a client does not reconnect after it, whatever its cause was.

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
    /// The client sent what the protocol does not allow. It reconnects, and both sides begin anew.
    pub(super) fn protocol(why: &'static str) -> Self {
        Self { code: Some(1011), reason: "InternalServerError", why }
    }

    /// An error of ours.
    pub(super) fn internal(why: &'static str) -> Self {
        Self { code: Some(1011), reason: "InternalServerError", why }
    }

    /// A message was longer than is accepted.
    pub(super) fn too_long() -> Self {
        Self { code: Some(1009), reason: "MessageTooBig", why: "a message that is too long" }
    }

    /// This process ends; another one will accept connections soon.
    pub(super) fn restart() -> Self {
        Self { code: Some(1012), reason: "TooManyConcurrentRequests", why: "the server ends" }
    }

    /// After an `AuthError`, which has told why.
    pub(super) fn unauthenticated() -> Self {
        Self { code: None, reason: "", why: "what the client showed is worth nothing" }
    }

    /// The client has closed the connection, or does not answer any more.
    pub(super) fn gone(why: &'static str) -> Self {
        Self { code: Some(1000), reason: "", why }
    }

    /// The frame.
    pub(super) fn message(&self) -> Message {
        let frame = |code| CloseFrame { code: u16::into(code), reason: Utf8Bytes::from_static(self.reason) };
        Message::Close(self.code.map(frame))
    }
}
