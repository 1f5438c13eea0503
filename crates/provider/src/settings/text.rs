//! Parses one value: a text becomes the type of its field, and nothing else. A secret of digits stays text.

use std::{cell::Cell, fmt, str::FromStr};

use kernel::Result;
use serde::{
    Deserializer,
    de::{
        self, Expected, IntoDeserializer, Unexpected, Visitor,
        value::{SeqDeserializer, StrDeserializer},
    },
};

use super::reader::Problem;

/// The text of a variable, or one of its parts between commas.
pub(super) struct Text<'a, 'i> {
    text: &'a str,
    ignored: &'i Cell<bool>,
}

impl<'a, 'i> Text<'a, 'i> {
    /// `ignored` becomes true when the struct has no such field.
    pub(super) fn new(text: &'a str, ignored: &'i Cell<bool>) -> Self {
        Self { text, ignored }
    }

    fn parse<T: FromStr>(&self, what: &str) -> Result<T, Problem> {
        self.text.trim().parse().map_err(|_| expected(what))
    }

    fn truth(&self) -> Result<bool, Problem> {
        match self.text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(expected("true or false")),
        }
    }
}

fn expected(what: impl fmt::Display) -> Problem {
    Problem::Expected { variable: None, what: what.to_string() }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $what:literal),+ $(,)?) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
            visitor.$visit(self.parse($what)?)
        }
    )+};
}

macro_rules! texts {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
            visitor.visit_borrowed_str(self.text)
        }
    )+};
}

impl<'a> Deserializer<'a> for Text<'a, '_> {
    type Error = Problem;

    texts! { deserialize_any deserialize_str deserialize_string deserialize_identifier }

    numbers! {
        deserialize_i8 visit_i8 "a whole number between -128 and 127",
        deserialize_i16 visit_i16 "a whole number between -32768 and 32767",
        deserialize_i32 visit_i32 "a whole number",
        deserialize_i64 visit_i64 "a whole number",
        deserialize_i128 visit_i128 "a whole number",
        deserialize_u8 visit_u8 "a whole number between 0 and 255",
        deserialize_u16 visit_u16 "a whole number between 0 and 65535",
        deserialize_u32 visit_u32 "a whole number, zero or more",
        deserialize_u64 visit_u64 "a whole number, zero or more",
        deserialize_u128 visit_u128 "a whole number, zero or more",
        deserialize_f32 visit_f32 "a number",
        deserialize_f64 visit_f64 "a number",
        deserialize_char visit_char "one character",
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_bool(self.truth()?)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_bytes(self.text.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_bytes(visitor)
    }

    /// Absent values are never deserialized.
    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        let parts = self.text.split(',').map(str::trim).filter(|part| !part.is_empty());
        visitor.visit_seq(SeqDeserializer::new(parts.map(|part| Text::new(part, self.ignored))))
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let variant: StrDeserializer<'_, Problem> = self.text.trim().into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.ignored.set(true);
        visitor.visit_unit()
    }

    /// Settings are flat: a struct with fields of its own does not fit into one variable.
    fn deserialize_map<V: Visitor<'a>>(self, _: V) -> Result<V::Value, Problem> {
        Err(expected("a setting that one variable can hold"))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }
}

impl<'a> IntoDeserializer<'a, Problem> for Text<'a, '_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Keeps serde's message, without the values that it would quote.
impl de::Error for Problem {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self::Refused { variable: None, why: why.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Twice(field)
    }

    fn invalid_type(_: Unexpected<'_>, what: &dyn Expected) -> Self {
        expected(what)
    }

    fn invalid_value(_: Unexpected<'_>, what: &dyn Expected) -> Self {
        expected(what)
    }

    fn invalid_length(_: usize, what: &dyn Expected) -> Self {
        expected(what)
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        expected(variants.join(" or "))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Problem {}
