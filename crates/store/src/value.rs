//! What can be bound to a statement, the same on both engines.

use kernel::{Id, Time};

/// One bound value. A missing one keeps its type, which PostgreSQL wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `bigint`: numbers, times in milliseconds, booleans as 0 and 1.
    Int(Option<i64>),
    /// `text`.
    Text(Option<String>),
    /// `blob` on SQLite, `bytea` on PostgreSQL.
    Blob(Option<Vec<u8>>),
    /// `bigint[]`, on PostgreSQL only.
    Ints(Vec<i64>),
    /// `text[]`, on PostgreSQL only.
    Texts(Vec<Option<String>>),
    /// `bytea[]`, on PostgreSQL only.
    Blobs(Vec<Option<Vec<u8>>>),
}

macro_rules! from {
    ($($type:ty => |$value:ident| $make:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self { $make }
        }
    )+};
}

from! {
    i64 => |value| Self::Int(Some(value)),
    i32 => |value| Self::Int(Some(value.into())),
    u32 => |value| Self::Int(Some(value.into())),
    bool => |value| Self::Int(Some(value.into())),
    Time => |value| Self::Int(Some(value.ms())),
    String => |value| Self::Text(Some(value)),
    &str => |value| Self::Text(Some(value.to_owned())),
    &String => |value| Self::Text(Some(value.clone())),
    Vec<u8> => |value| Self::Blob(Some(value)),
    &[u8] => |value| Self::Blob(Some(value.to_vec())),
    Option<i64> => |value| Self::Int(value),
    Option<Time> => |value| Self::Int(value.map(Time::ms)),
    Option<String> => |value| Self::Text(value),
    Option<&str> => |value| Self::Text(value.map(ToOwned::to_owned)),
    Option<Vec<u8>> => |value| Self::Blob(value),
    Vec<i64> => |value| Self::Ints(value),
    Vec<Option<String>> => |value| Self::Texts(value),
    Vec<String> => |value| Self::Texts(value.into_iter().map(Some).collect()),
    Vec<Option<Vec<u8>>> => |value| Self::Blobs(value),
}

impl<P> From<&Id<P>> for Value {
    fn from(id: &Id<P>) -> Self {
        Self::Text(Some(id.to_string()))
    }
}

impl<P> From<Option<&Id<P>>> for Value {
    fn from(id: Option<&Id<P>>) -> Self {
        Self::Text(id.map(ToString::to_string))
    }
}
