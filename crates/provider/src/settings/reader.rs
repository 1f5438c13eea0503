//! Reads a settings struct from variables with the struct's own `Deserialize`, so that defaults, aliases and enums have
//! the meaning that serde gives them.

use std::cell::{Cell, RefCell};

use kernel::{Error, Result};
use serde::{
    Deserializer,
    de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::StringDeserializer},
    forward_to_deserialize_any,
};

use super::{Field, Settings, Variables, fields, text::Text};

/// The result of one reading, and the variables that the struct used.
pub(super) struct Attempt<S> {
    pub(super) used: Vec<String>,
    pub(super) outcome: Result<S>,
}

/// Reads `S`, and records which variables it used under any of their names.
pub(super) fn read<S: Settings>(variables: &Variables) -> Attempt<S> {
    let used = RefCell::new(Vec::new());
    let read = S::deserialize(Reader { variables, used: &used });
    let used = used.into_inner();
    let outcome = read.map_err(|problem| explain::<S>(problem, variables, &used));
    Attempt { used, outcome }
}

/// The reason why a struct could not be read. It never contains values: until the schema is consulted, any may be a
/// secret.
#[derive(Debug)]
pub(super) enum Problem {
    /// The field has no value and needs one.
    Missing(&'static str),
    /// The field has a value under two names.
    Twice(&'static str),
    /// The value is wrong; the text completes "expected …".
    Expected { variable: Option<String>, what: String },
    /// The error that the field's type gave.
    Refused { variable: Option<String>, why: String },
}

fn explain<S: Settings>(problem: Problem, variables: &Variables, used: &[String]) -> Error {
    let fields = fields::<S>();
    let declared = |variable: &str| fields.iter().find(|field| field.variable == variable);
    match problem {
        Problem::Missing(name) => {
            let variable = name.to_ascii_uppercase();
            let hint = declared(&variable).map(Field::hint).filter(|hint| !hint.is_empty());
            let hint = hint.map(|hint| format!(": {hint}")).unwrap_or_default();
            Error::config("setting_missing", format!("{variable} is not set{hint}")).context("variable", variable)
        }
        Problem::Twice(name) => {
            let [first, second] = both_names::<S>(name, variables, used);
            let message = format!("{first} and {second} are two names of one setting: keep one of them");
            Error::config("setting_twice", message).context("variable", first)
        }
        Problem::Expected { variable, what } => unreadable(variable, &format!("expected {what}")),
        Problem::Refused { variable, why } => {
            // A historic name is in no schema, so that it is treated as the name of a secret.
            let open = variable.as_deref().and_then(declared).is_some_and(|field| !field.secret);
            unreadable(variable, if open { &why } else { "the value is not valid" })
        }
    }
}

fn unreadable(variable: Option<String>, why: &str) -> Error {
    let variable = variable.unwrap_or_else(|| "a variable".to_owned());
    Error::config("setting_unreadable", format!("{variable} cannot be read: {why}")).context("variable", variable)
}

/// Returns the names under which `field` is set twice. serde reports only the last one; the other is the one that also
/// conflicts with it when nothing else is set.
fn both_names<S: Settings>(field: &'static str, variables: &Variables, used: &[String]) -> [String; 2] {
    let (last, earlier) = used.split_last().map_or((field, used), |(last, earlier)| (last.as_str(), earlier));
    let clashes = |other: &&String| {
        let pair = [other.as_str(), last].map(|name| (name, variables.get(name).unwrap_or_default()));
        let used = RefCell::new(Vec::new());
        let read = S::deserialize(Reader { variables: &pair.into_iter().collect(), used: &used });
        matches!(read, Err(Problem::Twice(_)))
    };
    let first = earlier.iter().find(clashes).cloned().unwrap_or_else(|| field.to_ascii_uppercase());
    [first, last.to_owned()]
}

struct Reader<'a> {
    variables: &'a Variables,
    used: &'a RefCell<Vec<String>>,
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let entries = self.variables.iter().filter(|(name, _)| name.to_ascii_uppercase() == *name);
        visitor.visit_map(Entries { entries, value: None, used: self.used })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries<'a, I> {
    entries: I,
    value: Option<(&'a str, &'a str)>,
    used: &'a RefCell<Vec<String>>,
}

impl<'a, I: Iterator<Item = (&'a str, &'a str)>> MapAccess<'a> for Entries<'a, I> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        self.value = self.entries.next();
        let Some((name, _)) = self.value else { return Ok(None) };
        // Recorded before serde looks at it: a second name of a field is refused here, without reading the value.
        self.used.borrow_mut().push(name.to_owned());
        let key: StringDeserializer<Problem> = name.to_ascii_lowercase().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Problem> {
        let (name, value) = self.value.take().unwrap_or_default();
        let ignored = Cell::new(false);
        let read = seed.deserialize(Text::new(value, &ignored));
        if ignored.get() {
            self.used.borrow_mut().pop();
        }
        read.map_err(|problem| problem.at(name, value))
    }
}

impl Problem {
    fn at(self, name: &str, value: &str) -> Self {
        let variable = Some(name.to_owned());
        match self {
            Self::Expected { what, .. } => Self::Expected { variable, what },
            Self::Refused { why, .. } => Self::Refused { variable, why: without(value, &why) },
            Self::Missing(_) | Self::Twice(_) => self,
        }
    }
}

/// Removes every quotation of the value from `why`: even an address that is not secret may contain a password.
fn without(value: &str, why: &str) -> String {
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.fold(why.replace(value, "…"), |why, part| why.replace(part, "…"))
}
