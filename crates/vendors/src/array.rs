//! Vendors that send an array: each element is an event of its own, in its own bytes.

use bytes::Bytes;
use provider::Received;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The events of an array. An element that cannot be read is malformed and does not spoil the others.
pub(crate) fn events<T: DeserializeOwned>(body: &Bytes, event: impl Fn(T, Bytes) -> Received) -> Vec<Received> {
    let elements = match Received::json::<Vec<&RawValue>>(body) {
        Ok(elements) => elements,
        Err(malformed) => return vec![*malformed],
    };
    let events = elements.iter().map(|element| {
        let payload = body.slice_ref(element.get().as_bytes());
        match Received::json(&payload) {
            Ok(read) => event(read, payload.clone()),
            Err(malformed) => *malformed,
        }
    });
    Received::at_least_one(events.collect(), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_keeps_its_own_bytes_and_a_bad_one_is_malformed_alone() {
        let read = |text: String, payload| Received::new(text, "kind", payload);
        let events = events(&Bytes::from_static(b"[ \"a\" ,1, \"b\"]\r\n"), read);
        let payloads: Vec<_> = events.iter().map(|event| (&event.payload[..], event.defect.is_some())).collect();
        assert_eq!(payloads, [(&b"\"a\""[..], false), (b"1", true), (b"\"b\"", false)]);
    }

    #[test]
    fn an_empty_array_is_kept_as_malformed() {
        let read = |(): (), payload| Received::new("x", "kind", payload);
        assert!(events(&Bytes::from_static(b"[]"), read)[0].defect.is_some());
    }
}
