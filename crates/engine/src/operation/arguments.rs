//! Converts arguments from the wire to the operation's type, and refuses unknown fields and deep nesting.

use kernel::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Number, Value};

/// The greatest depth of nested arrays and objects.
const DEPTH: usize = 64;
/// Larger numbers are not exact in JavaScript.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The arguments that an operation takes.
pub(super) struct Arguments {
    name: &'static str,
    known: Vec<String>,
}

impl Arguments {
    /// Reads the names of the arguments from the schema.
    pub(super) fn of(name: &'static str, schema: &Value) -> Self {
        let known = schema["properties"].as_object().map(|known| known.keys().cloned().collect()).unwrap_or_default();
        Self { name, known }
    }

    /// Checks the arguments of a call: an object, or an array that contains one.
    ///
    /// # Errors
    /// `BadRequest` when they are something else, have an unknown field, or are nested too deeply.
    pub(super) fn check(&self, came: &Value) -> Result<Value> {
        let one = came.as_array().filter(|all| all.len() == 1).map_or(came, |all| &all[0]);
        let object = match (one.as_object(), came.is_null()) {
            (Some(object), _) => object.clone(),
            (None, true) => Map::new(),
            (None, false) => return Err(invalid(self.name, "arguments are one object")),
        };
        if let Some(unknown) = object.keys().find(|name| !self.known.contains(name)) {
            let takes = if self.known.is_empty() { "nothing".to_owned() } else { self.known.join(", ") };
            return Err(invalid(self.name, &format!("there is no argument {unknown:?}: it takes {takes}")));
        }
        let mut arguments = Value::Object(object);
        if !whole(&mut arguments, DEPTH) {
            return Err(invalid(self.name, &format!("more than {DEPTH} levels of arrays and objects")));
        }
        Ok(arguments)
    }
}

/// Converts `3.0` to 3 for clients whose numbers are floats. Returns false when the value is nested too deeply.
fn whole(value: &mut Value, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64()
                && number.is_f64()
                && float.fract() == 0.0
                && float.abs() < EXACT
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
                let whole = float as i64;
                *number = Number::from(whole);
            }
            true
        }
        Value::Array(values) => values.iter_mut().all(|value| whole(value, depth - 1)),
        Value::Object(fields) => fields.values_mut().all(|value| whole(value, depth - 1)),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Converts the arguments to the operation's type.
pub(super) fn typed<A: DeserializeOwned>(name: &'static str, arguments: Value) -> Result<A> {
    serde_json::from_value(arguments).map_err(|error| invalid(name, &error.to_string()))
}

/// Converts an answer to JSON.
pub(super) fn answer<O: Serialize>(output: &O) -> Result<Value> {
    serde_json::to_value(output)
        .map_err(|error| Error::internal("answer_unwritable", "an answer cannot be written as JSON").source(error))
}

fn invalid(name: &'static str, why: &str) -> Error {
    Error::bad_request("arguments_invalid", format!("{name}: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn takes() -> Arguments {
        Arguments::of("items:insert", &json!({ "properties": { "tag": {}, "n": {} } }))
    }

    #[test]
    fn arguments_are_an_object_or_an_array_with_one() {
        for came in [json!({ "n": 1 }), json!([{ "n": 1 }])] {
            assert_eq!(takes().check(&came).unwrap(), json!({ "n": 1 }));
        }
        for came in [json!([]), json!([1]), json!([{}, {}]), json!("n"), json!(1)] {
            assert_eq!(takes().check(&came).unwrap_err().tag, "arguments_invalid", "{came}");
        }
    }

    #[test]
    fn an_unknown_argument_is_refused_with_those_that_exist() {
        let error = takes().check(&json!({ "tga": "x" })).unwrap_err();
        assert_eq!(error.message, "items:insert: there is no argument \"tga\": it takes tag, n");
    }

    #[test]
    fn floats_that_are_whole_are_numbers_like_any_other() {
        let came = json!({ "n": 3.0, "tag": [1.5, -2.0, 1e300] });
        assert_eq!(takes().check(&came).unwrap(), json!({ "n": 3, "tag": [1.5, -2, 1e300] }));
    }

    #[test]
    fn what_is_too_deep_is_refused() {
        let mut deep = json!(1);
        for _ in 0..DEPTH {
            deep = json!([deep]);
        }
        assert!(takes().check(&json!({ "tag": deep })).is_err());
    }
}
