//! Ids: three letters that say what it is, then a UUIDv7, so that they sort by age.

use std::{fmt, marker::PhantomData};

use data_encoding::{Encoding, Specification};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Clock, Error, Random, Result};

/// The kinds of things that have ids: their three letters, and the table that they are in.
pub mod prefix {
    use super::Prefix;

    macro_rules! prefixes {
        ($($(#[$doc:meta])* $name:ident = $letters:literal in $table:literal),+ $(,)?) => {$(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name;
            impl Prefix for $name {
                const LETTERS: &'static str = $letters;
                const TABLE: &'static str = $table;
            }
        )+};
    }

    prefixes! {
        /// A tenant.
        Organization = "org" in "organizations",
        /// An organization's account at a vendor.
        Connection = "con" in "connections",
        /// A person who writes to an organization.
        Contact = "cnt" in "contacts",
        /// A thread with a contact on one channel.
        Conversation = "cnv" in "conversations",
        /// One message of a conversation.
        Message = "msg" in "messages",
        /// What an organization pays for.
        Subscription = "sub" in "subscriptions",
        /// A person who signs in.
        User = "usr" in "users",
        /// A client company of an organization.
        Customer = "cus" in "customers",
        /// A customer that a staff member looks after.
        Assignment = "asg" in "assignments",
        /// A person who was asked to join.
        Invitation = "inv" in "invitations",
        /// A key that programs show.
        ApiKey = "key" in "apiKeys",
        /// A line of the audit log.
        AuditEntry = "aud" in "auditEntries",
        /// A file of customers that is being imported.
        CustomerImport = "imp" in "customerImports",
    }
}

/// The keyword by which the schema of an id says which table it is in.
pub const TABLE_OF_ID: &str = "x-table";

/// What an id is the id of.
pub trait Prefix: 'static {
    /// Three lower-case letters.
    const LETTERS: &'static str;
    /// What clients call the table: `Id<"customers">` in a front end's types. Plural, in camelCase.
    const TABLE: &'static str;
}

/// The id of a `P`, such as `org_01kaj3v0q8e5hbm9x2w7c4d6fa`.
pub struct Id<P> {
    text: String,
    kind: PhantomData<fn() -> P>,
}

impl<P: Prefix> Id<P> {
    /// A new id: the time, then 74 random bits.
    pub fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
        let mut chance = [0; 10];
        random.fill(&mut chance);
        let ms = u64::try_from(clock.now().ms()).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(ms, &chance).into_uuid();
        Self::unchecked(format!("{}_{}", P::LETTERS, base32().encode(uuid.as_bytes())))
    }

    /// Reads an id that came from outside.
    ///
    /// # Errors
    /// `BadRequest` when it is not the id of a `P`.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix(P::LETTERS).and_then(|rest| rest.strip_prefix('_'));
        match digits.map(|digits| base32().decode(digits.as_bytes())) {
            Some(Ok(bytes)) if bytes.len() == 16 => Ok(Self::unchecked(text.to_owned())),
            _ => Err(Error::bad_request("id_malformed", format!("expected an id that begins with {}_", P::LETTERS))),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn unchecked(text: String) -> Self {
        Self { text, kind: PhantomData }
    }
}

/// Crockford's alphabet in lower case: no letter is mistaken for a digit, and text order is age order.
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
    fn the_id_of_something_else_is_refused() {
        for wrong in ["", "org_", "org", "cus_01kaj3v0q8e5hbm9x2w7c4d6fa", "org_01kaj3v0q8e5hbm9x2w7c4d6f'", "org_u"] {
            assert!(OrgId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
