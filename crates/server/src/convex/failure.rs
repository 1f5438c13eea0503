//! Errors in the form of the clients' `ConvexError`: a message, and data for programs.

use kernel::{Code, Error};
use serde_json::{Map, Value, json};

/// The tag of an error about a cursor that belongs to another list.
const INVALID_CURSOR: &str = "InvalidCursor";

/// A failure, as it is sent to a client.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub message: String,
    /// Data, whose presence makes the failure a `ConvexError`.
    pub data: Option<Value>,
}

impl Failure {
    /// Converts `error`. Of an internal error only `request` is sent, by which its log line can be found.
    pub(super) fn of(error: &Error, request: &str) -> Self {
        if let Some(data) = error.data() {
            return Self { message: error.message.to_string(), data: Some(data.clone()) };
        }
        if error.code == Code::Internal {
            return Self { message: format!("[Request ID: {request}] Server Error"), data: None };
        }
        if error.tag == INVALID_CURSOR {
            let data = json!({ "isConvexSystemError": true, "paginationError": INVALID_CURSOR });
            return Self { message: error.message.to_string(), data: Some(data) };
        }
        Self { message: error.message.to_string(), data: Some(described(error)) }
    }

    /// Returns the members of a message about the failure: `"errorMessage":…`, and the data if there are any.
    pub(super) fn members(&self, message: &str) -> String {
        let text = Value::from(self.message.as_str());
        match &self.data {
            Some(data) => format!(r#""{message}":{text},"errorData":{data}"#),
            None => format!(r#""{message}":{text}"#),
        }
    }
}

/// Returns the error with the same names as in a problem over REST.
fn described(error: &Error) -> Value {
    let mut data: Map<String, Value> = Map::new();
    for (name, value) in error.facts() {
        data.insert((*name).to_owned(), Value::from(value.as_str()));
    }
    data.insert("code".to_owned(), error.code.as_str().into());
    data.insert("tag".to_owned(), error.tag.into());
    data.insert("message".to_owned(), error.message.as_ref().into());
    if let kernel::Retry::After(wait) = error.retry() {
        data.insert("retryAfterMs".to_owned(), u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).into());
    }
    Value::Object(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_its_code_and_its_tag() {
        let failure = Failure::of(&Error::conflict("already_invited", "this person is invited"), "r");
        assert_eq!(failure.message, "this person is invited");
        let data = json!({ "code": "conflict", "tag": "already_invited", "message": "this person is invited" });
        assert_eq!(failure.data, Some(data));
    }

    #[test]
    fn what_broke_inside_tells_nothing_but_where_to_look() {
        let error = Error::internal("row_broken", "column secret is broken").context("table", "keys");
        let failure = Failure::of(&error, "abc");
        assert_eq!(failure, Failure { message: "[Request ID: abc] Server Error".to_owned(), data: None });
        assert_eq!(failure.members("errorMessage"), r#""errorMessage":"[Request ID: abc] Server Error""#);
    }

    #[test]
    fn an_application_shows_its_own_data_and_nothing_else() {
        for data in [json!({ "code": "ODD", "v": 3 }), json!("text"), Value::Null] {
            assert_eq!(Failure::of(&Error::application(data.clone()), "r").data, Some(data));
        }
    }

    #[test]
    fn a_foreign_cursor_is_told_in_the_words_that_clients_know() {
        let failure = Failure::of(&Error::bad_request(INVALID_CURSOR, "InvalidCursor"), "r");
        assert_eq!(failure.data, Some(json!({ "isConvexSystemError": true, "paginationError": "InvalidCursor" })));
    }
}
