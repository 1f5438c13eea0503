//! Reads the arguments of an operation from a request.

use std::collections::BTreeMap;

use engine::Description;
use kernel::{Error, Result};
use serde_json::{Map, Value, json};

use super::query::ValueType;

/// The argument that selects a page; in a query its fields stand alone.
pub(crate) const PAGE: &str = "paginationOpts";
/// The number of rows of a page by default.
pub(crate) const PAGE_SIZE: u32 = 50;
/// The fields of [`PAGE`] that a query may have.
const PAGE_FIELDS: [(&str, ValueType); 3] =
    [("numItems", ValueType::Number), ("cursor", ValueType::Text), ("endCursor", ValueType::Text)];

/// The parameters that an operation takes.
pub(super) struct Takes {
    name: &'static str,
    in_path: BTreeMap<&'static str, ValueType>,
    others: BTreeMap<String, ValueType>,
    page: bool,
}

impl Takes {
    pub(super) fn of(description: &Description, definitions: &Map<String, Value>) -> Self {
        let known = description.arguments["properties"].as_object().cloned().unwrap_or_default();
        let shape = |name: &str| known.get(name).map_or(ValueType::Text, |schema| ValueType::of(schema, definitions));
        let in_path: BTreeMap<_, _> = description.route.parameters().map(|name| (name, shape(name))).collect();
        let page = known.contains_key(PAGE);
        let others = known.keys().filter(|name| *name != PAGE && !in_path.contains_key(name.as_str()));
        let others = others.map(|name| (name.clone(), shape(name))).collect();
        Self { name: description.name, in_path, others, page }
    }

    /// Reads the arguments of a GET.
    ///
    /// # Errors
    /// `BadRequest` for a name that does not exist, or a repeated value.
    pub(super) fn read_query(&self, path: &[(&str, &str)], query: Option<&str>) -> Result<Value> {
        let (mut arguments, mut page) = (self.read_path(path), Map::new());
        for (name, text) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let field = PAGE_FIELDS.iter().find(|(field, _)| self.page && *field == name);
            match (field, self.others.get(&*name)) {
                // A form that was submitted unchanged sends an empty cursor, which means the first page.
                (Some((_, ValueType::Text)), _) if text.is_empty() => {}
                (Some((_, shape)), _) => self.put(&mut page, &name, shape.read(&text))?,
                (None, Some(shape)) => self.put(&mut arguments, &name, shape.read(&text))?,
                (None, None) => return Err(self.unknown(&name)),
            }
        }
        if self.page {
            page.entry("numItems").or_insert_with(|| json!(PAGE_SIZE));
            arguments.insert(PAGE.to_owned(), Value::Object(page));
        }
        self.readable(arguments)
    }

    /// Reads the arguments of any other method.
    ///
    /// # Errors
    /// `BadRequest` for an argument that is also in the path.
    pub(super) fn read_body(&self, path: &[(&str, &str)], body: Map<String, Value>) -> Result<Value> {
        let mut arguments = self.read_path(path);
        for (name, value) in body {
            if arguments.contains_key(&name) {
                return Err(self.invalid(&format!("{name} stands in the path, and not in the body as well")));
            }
            arguments.insert(name, value);
        }
        self.readable(arguments)
    }

    fn read_path(&self, path: &[(&str, &str)]) -> Map<String, Value> {
        let read = |name: &str, text: &str| self.in_path.get(name).unwrap_or(&ValueType::Text).read(text);
        path.iter().map(|(name, text)| ((*name).to_owned(), read(name, text))).collect()
    }

    /// Collects several values of one name into a list.
    fn put(&self, arguments: &mut Map<String, Value>, name: &str, value: Value) -> Result<()> {
        match (arguments.get_mut(name), value) {
            (Some(Value::Array(values)), Value::Array(more)) => values.extend(more),
            (Some(_), _) => return Err(self.invalid(&format!("{name} is given more than once"))),
            (None, value) => drop(arguments.insert(name.to_owned(), value)),
        }
        Ok(())
    }

    /// PostgreSQL stores no text with the character U+0000; it is refused on both databases.
    fn readable(&self, arguments: Map<String, Value>) -> Result<Value> {
        match arguments.iter().find(|(_, value)| holds_nul(value)) {
            Some((name, _)) => Err(self.invalid(&format!("{name} holds the character U+0000, which no text may"))),
            None => Ok(Value::Object(arguments)),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let mut known: Vec<_> = self.others.keys().map(String::as_str).collect();
        if self.page {
            known.extend(PAGE_FIELDS.iter().map(|(field, _)| *field));
        }
        let takes = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        self.invalid(&format!("there is no argument {name:?}: it takes {takes}"))
    }

    fn invalid(&self, why: &str) -> Error {
        Error::bad_request("arguments_invalid", format!("{}: {why}", self.name))
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
