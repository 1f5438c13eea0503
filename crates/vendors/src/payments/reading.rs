//! What reading an event begins with, whichever vendor sent it.

use kernel::{Error, Result};
use serde::de::DeserializeOwned;

/// The event as the vendor's JSON.
pub(super) fn open<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    serde_json::from_slice(payload)
        .map_err(|error| Error::bad_request("event_unreadable", format!("the event is malformed: {error}")))
}

/// An event about something that cannot be found again.
pub(super) fn without_id() -> Error {
    Error::bad_request("object_without_id", "the event's object has no id")
}
