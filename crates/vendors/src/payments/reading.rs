//! The first steps of parsing an event, shared by all payments vendors.

use kernel::{Error, Result};
use serde::de::DeserializeOwned;

/// Parses the event as the vendor's JSON.
pub(super) fn open<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    serde_json::from_slice(payload)
        .map_err(|error| Error::bad_request("event_unreadable", format!("the event is malformed: {error}")))
}

/// The error for an event whose object has no id.
pub(super) fn without_id() -> Error {
    Error::bad_request("object_without_id", "the event's object has no id")
}
