//! The number of an entry of the queue, and its public form.

use std::{fmt, marker::PhantomData};

use data_encoding::{Encoding, Specification};
use kernel::{Error, Result};

/// The number of an entry of the queue, which is the order of arrival.
pub type Seq = i64;

/// The public id of an entry: three letters, then its number in 13 characters that sort as the number does.
pub struct PublicId<K>(Seq, PhantomData<fn() -> K>);

/// `evt_…`: the id of an event.
pub type EventId = PublicId<EventKind>;
/// `job_…`: the id of a job.
pub type JobId = PublicId<JobKind>;

/// The kind of id of an event.
pub struct EventKind;
/// The kind of id of a job.
pub struct JobKind;

/// The kind of object that a numbered id names.
pub trait Kind {
    /// Three lower-case letters.
    const LETTERS: &'static str;
}

impl Kind for EventKind {
    const LETTERS: &'static str = "evt";
}

impl Kind for JobKind {
    const LETTERS: &'static str = "job";
}

impl<K: Kind> PublicId<K> {
    /// Creates the id of the entry with the number `seq`.
    pub fn new(seq: Seq) -> Self {
        Self(seq, PhantomData)
    }

    /// Parses an id that came from outside.
    ///
    /// # Errors
    /// `BadRequest` when the text is not such an id.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix(K::LETTERS).and_then(|rest| rest.strip_prefix('_'));
        let bytes = digits.and_then(|digits| base32().decode(digits.as_bytes()).ok());
        match bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
            Some(bytes) => Ok(Self::new(Seq::from_be_bytes(bytes))),
            None => Err(Error::bad_request("id_malformed", format!("expected an id that begins with {}_", K::LETTERS))),
        }
    }

    /// Returns the number.
    pub fn seq(&self) -> Seq {
        self.0
    }
}

impl<K: Kind> fmt::Display for PublicId<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::LETTERS, base32().encode(&self.0.to_be_bytes()))
    }
}

fn base32() -> Encoding {
    let mut alphabet = Specification::new();
    alphabet.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    alphabet.encoding().expect("32 distinct symbols make an encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_sorts_as_its_number() {
        let (a, b) = (EventId::new(99), EventId::new(100));
        assert_eq!(EventId::parse(&a.to_string()).unwrap().seq(), 99);
        assert!(a.to_string() < b.to_string());
        assert!(JobId::parse(&a.to_string()).is_err());
        assert!(EventId::parse("evt_").is_err());
    }
}
