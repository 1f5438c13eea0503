//! Vendors that send an array: each element becomes an event with the element's own bytes.

use bytes::Bytes;
use provider::Received;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Returns the events of an array. An element that cannot be parsed becomes a malformed event and does not affect the
/// others.
pub(crate) fn events<T: DeserializeOwned>(body: &Bytes, event: impl Fn(T, Bytes) -> Received) -> Vec<Received> {
    match Received::json::<Vec<&RawValue>>(body) {
        Ok(elements) => each(&elements, body, |payload| match Received::json(&payload) {
            Ok(read) => event(read, payload.clone()),
            Err(malformed) => *malformed,
        }),
        Err(malformed) => vec![*malformed],
    }
}

/// Returns one event for each element of `body`, with the element's own bytes.
pub(crate) fn each(elements: &[&RawValue], body: &Bytes, event: impl Fn(Bytes) -> Received) -> Vec<Received> {
    match Received::countable(elements.len(), body) {
        Ok(()) => elements.iter().map(|element| event(body.slice_ref(element.get().as_bytes()))).collect(),
        Err(malformed) => vec![*malformed],
    }
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
    #[test]
    fn a_body_of_countless_elements_is_one_malformed_event() {
        let body = Bytes::from(format!("[{}1]", "1,".repeat(100_000)));
        let events = events(&body, |_: u8, payload| Received::new("x", "kind", payload));
        assert_eq!(events.len(), 1);
        assert!(events[0].defect.is_some());
    }
}
