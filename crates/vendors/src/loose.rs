//! JSON values as vendors really send them. Parsing one never fails: a value that is not understood is absent, because
//! an event with a field of an unknown type is still an event.

use std::{fmt, marker::PhantomData};

use kernel::Time;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

/// A name, an id, a number that serves as one, or an object with an `id` (what vendors call expanded).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(Option<String>);

/// A point in time: seconds or milliseconds since 1970, as a number or as text, or RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Option<Time>);

impl Text {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    pub(crate) fn or_empty(&self) -> &str {
        self.get().unwrap_or_default()
    }

    pub(crate) fn owned(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose).map(Self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Loose)?;
        Ok(Self(text.as_deref().and_then(moment)))
    }
}

/// Larger numbers count milliseconds: as seconds they would be after the year 5000, and as milliseconds smaller ones
/// are before 1974.
const MILLISECONDS: u64 = 100_000_000_000;

fn moment(text: &str) -> Option<Time> {
    match text.parse::<i64>() {
        Ok(number) if number.unsigned_abs() >= MILLISECONDS => Some(Time::from_ms(number)),
        Ok(number) => Some(Time::from_seconds(number)),
        Err(_) => Time::parse(text),
    }
}

/// Parses an object, or returns its default for any other value: `#[serde(default, deserialize_with =
/// "loose::object")]`.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Object(PhantomData))
}

/// Parses the elements of a list, skipping those that fail; any other value has none.
pub(crate) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

/// Returns whether the value is `true`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

struct Loose;

impl<'de> Visitor<'de> for Loose {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut id = None;
        while let Some(name) = members.next_key::<String>()? {
            if name == "id" {
                id = members.next_value::<Text>()?.0;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(id)
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Default + Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_text_number_or_expanded_object() {
        for (json, expected) in [
            (r#""cus_1""#, Some("cus_1")),
            ("17", Some("17")),
            ("-3", Some("-3")),
            (r#"{"object":"customer","id":"cus_1","deep":[{"id":2}]}"#, Some("cus_1")),
            ("null", None),
            ("true", None),
            ("1.5", None),
            (r#"[{"id":"cus_1"}]"#, None),
            ("{}", None),
            (r#""""#, None),
        ] {
            assert_eq!(serde_json::from_str::<Text>(json).unwrap().get(), expected, "{json}");
        }
    }

    #[test]
    fn what_should_be_an_object_and_is_not_counts_as_absent() {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Inner {
            id: Text,
        }
        #[derive(Deserialize)]
        struct Outer {
            #[serde(default, deserialize_with = "object")]
            inner: Inner,
            after: u8,
        }
        for (inner, id) in [
            (r#"{"id":"x","more":[{}]}"#, Some("x")),
            ("{}", None),
            ("null", None),
            ("true", None),
            ("1", None),
            ("-1", None),
            ("1.5", None),
            (r#""text""#, None),
            (r#"[{"id":"x"},[1]]"#, None),
        ] {
            let outer: Outer = serde_json::from_str(&format!(r#"{{"inner":{inner},"after":7}}"#)).unwrap();
            assert_eq!((outer.inner.id.get(), outer.after), (id, 7), "{inner}");
        }
    }

    #[test]
    fn a_moment_is_read_in_every_form_that_vendors_use() {
        let expected = Some(Time::from_seconds(1_767_225_600));
        for json in ["1767225600", r#""1767225600""#, "1767225600000", r#""2026-01-01T00:00:00.000000Z""#] {
            assert_eq!(serde_json::from_str::<Moment>(json).unwrap().0, expected, "{json}");
        }
        for json in [r#""soon""#, "null", "[]", "1e300", "18446744073709551615"] {
            assert_eq!(serde_json::from_str::<Moment>(json).unwrap().0, None, "{json}");
        }
    }
}
