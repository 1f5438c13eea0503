//! Ids: a prefix of three letters that names the kind of object, then a UUIDv7, so that ids sort by creation time.

use std::{fmt, marker::PhantomData};

use data_encoding::{Encoding, Specification};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Clock, Error, Random, Result};

/// Declares a kind of id beside the feature that owns it: a marker type, its three letters, and the table of its rows.
///
/// ```
/// kernel::id_prefix! {
///     /// A note.
///     pub NotePrefix = "nte" in "notes"
/// }
/// pub type NoteId = kernel::Id<NotePrefix>;
/// ```
///
/// Letters of another form do not compile, and `cargo xtask tidy` refuses letters or a table that are declared twice.
#[macro_export]
macro_rules! id_prefix {
    ($(#[$doc:meta])* $visibility:vis $name:ident = $letters:literal in $table:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name;

        impl $crate::Prefix for $name {
            const LETTERS: &'static str = $letters;
            const TABLE: &'static str = $table;
        }

        const _: () = assert!($crate::is_id_prefix($letters), "an id prefix is three lower-case letters");
    };
}

/// Returns whether `letters` can be the prefix of ids: three lower-case letters.
pub const fn is_id_prefix(letters: &str) -> bool {
    let bytes = letters.as_bytes();
    bytes.len() == 3 && bytes[0].is_ascii_lowercase() && bytes[1].is_ascii_lowercase() && bytes[2].is_ascii_lowercase()
}

/// The JSON Schema keyword in which the schema of an id names the table of its rows.
pub const TABLE_OF_ID: &str = "x-table";

/// The kind of object that an id names. Declare one with [`id_prefix!`](crate::id_prefix).
pub trait Prefix: 'static {
    /// Three lower-case letters, unique in the product.
    const LETTERS: &'static str;
    /// The name of the table in front ends' types, as in `Id<"customers">`: plural, in camelCase.
    const TABLE: &'static str;
}

/// The id of an object of kind `P`, such as `org_01kaj3v0q8e5hbm9x2w7c4d6fa`.
pub struct Id<P> {
    text: String,
    kind: PhantomData<fn() -> P>,
}

impl<P: Prefix> Id<P> {
    /// Creates an id from the current time and 74 random bits.
    pub fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
        let mut chance = [0; 10];
        random.fill(&mut chance);
        let ms = u64::try_from(clock.now().ms()).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(ms, &chance).into_uuid();
        Self::unchecked(format!("{}_{}", P::LETTERS, base32().encode(uuid.as_bytes())))
    }

    /// Parses an id that came from outside.
    ///
    /// # Errors
    /// `BadRequest` when the text is not an id with the prefix of `P`.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix(P::LETTERS).and_then(|rest| rest.strip_prefix('_'));
        match digits.map(|digits| base32().decode(digits.as_bytes())) {
            Some(Ok(bytes)) if bytes.len() == 16 => Ok(Self::unchecked(text.to_owned())),
            _ => Err(Error::bad_request("id_malformed", format!("expected an id that begins with {}_", P::LETTERS))),
        }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn unchecked(text: String) -> Self {
        Self { text, kind: PhantomData }
    }
}

/// Crockford's alphabet in lower case: no letter looks like a digit, and ids sort as text by creation time.
fn base32() -> Encoding {
    let mut alphabet = Specification::new();
    alphabet.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    alphabet.encoding().expect("32 distinct symbols make an encoding")
}

impl<P> Clone for Id<P> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<P> PartialEq for Id<P> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<P> Eq for Id<P> {}

impl<P> std::hash::Hash for Id<P> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<P> fmt::Debug for Id<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<P> fmt::Display for Id<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<P> Serialize for Id<P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, P: Prefix> Deserialize<'de> for Id<P> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<P: Prefix> JsonSchema for Id<P> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Id_{}", P::LETTERS).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": format!("^{}_[0-9a-z]{{26}}$", P::LETTERS),
            TABLE_OF_ID: P::TABLE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OrgId, Time};

    struct At(i64);
    impl Clock for At {
        fn now(&self) -> Time {
            Time::from_ms(self.0)
        }
    }
    struct Sevens;
    impl Random for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn an_id_reads_back_and_later_ids_sort_later() {
        let early = OrgId::new(&At(1_767_225_600_000), &Sevens);
        let late = OrgId::new(&At(1_767_225_600_001), &Sevens);
        assert!(early.as_str().starts_with("org_") && early.as_str() < late.as_str());
        assert_eq!(OrgId::parse(early.as_str()).unwrap(), early);
    }

    #[test]
    fn a_prefix_is_three_lower_case_letters() {
        assert!(is_id_prefix("org"));
        for wrong in ["", "or", "orgs", "Org", "o1g", "o_g"] {
            assert!(!is_id_prefix(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_id_of_something_else_is_refused() {
        for wrong in ["", "org_", "org", "cus_01kaj3v0q8e5hbm9x2w7c4d6fa", "org_01kaj3v0q8e5hbm9x2w7c4d6f'", "org_u"] {
            assert!(OrgId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
