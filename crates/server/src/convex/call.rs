//! The bodies of calls over HTTP, and the formats of their answers.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};
use kernel::{Code, Error};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{client::Client, failure::Failure, message::Call, value};
use crate::problem;

const CONVEX_CLIENT: HeaderName = HeaderName::from_static("convex-client");
const DEPRECATION_STATE: HeaderName = HeaderName::from_static("x-convex-deprecation-state");
const DEPRECATION_MESSAGE: HeaderName = HeaderName::from_static("x-convex-deprecation-message");

/// The format of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Format {
    /// Plain JSON.
    #[serde(rename = "json")]
    Plain,
    /// JSON with the protocol's own encoding of values that JSON lacks.
    #[serde(rename = "convex_encoded_json")]
    Encoded,
}

/// The body of a call.
#[derive(Debug, Deserialize)]
pub(super) struct CallBody {
    pub path: String,
    #[serde(default)]
    pub format: Option<Format>,
    #[serde(default)]
    pub args: Value,
    #[serde(default, rename = "componentPath")]
    pub component_path: Option<String>,
    #[serde(default)]
    pub ts: Option<String>,
}

/// The body of a call whose path is in the address.
#[derive(Debug, Deserialize)]
pub(super) struct RunBody {
    #[serde(default)]
    pub args: Value,
    #[serde(default)]
    pub format: Option<Format>,
}

/// Several queries on one snapshot.
#[derive(Debug, Deserialize)]
pub(super) struct BatchBody {
    pub queries: Vec<CallBody>,
}

impl CallBody {
    /// Returns the call, and the format of its answer.
    pub(super) fn read(self, client: Client) -> (Call, Format) {
        let format = self.format.unwrap_or_else(|| Format::usual(client));
        (Call::new(self.path, self.component_path, self.args), format)
    }
}

impl Format {
    /// Returns the default format of a client.
    pub(super) fn usual(client: Client) -> Self {
        if client.takes_plain_json() { Self::Plain } else { Self::Encoded }
    }
}

/// Returns the client that calls.
pub(super) fn client(headers: &HeaderMap) -> Client {
    Client::of_header(headers.get(CONVEX_CLIENT).and_then(|value| value.to_str().ok()))
}

/// The answer to a call that did not reach an operation.
pub(super) type Refusal = Box<Response<Body>>;

/// Returns the answer of a successful operation.
pub(super) fn success(value: Value, format: Format) -> Value {
    let value = match format {
        Format::Plain => value::plain(value),
        Format::Encoded => value,
    };
    json!({ "status": "success", "value": value, "logLines": [] })
}

/// Returns the answer of a failed operation, which has the status 200 too.
pub(super) fn failure(failure: Failure) -> Value {
    let mut answer = json!({ "status": "error", "errorMessage": failure.message, "logLines": [] });
    if let Some(data) = failure.data {
        answer["errorData"] = data;
    }
    answer
}

/// Returns a JSON answer.
pub(super) fn json(answer: &Value) -> Response<Body> {
    with_status(StatusCode::OK, answer)
}

/// Returns the answer for errors outside of operations: authentication, rate limits, malformed calls.
pub(super) fn refusal(error: &Error) -> Refusal {
    refusal_with(problem::status(error.code), error)
}

/// Returns such an answer with a status of its own.
pub(super) fn refusal_with(status: StatusCode, error: &Error) -> Refusal {
    let code = if error.code == Code::Unauthenticated { "InvalidAuthHeader" } else { error.tag };
    let message = if error.code == Code::Internal { "Server Error" } else { error.message.as_ref() };
    Box::new(with_status(status, &json!({ "code": code, "message": message })))
}

/// Returns the answer for clients whose protocol version is not supported.
pub(super) fn too_old() -> Refusal {
    let message = HeaderValue::from_static(
        "This version of the convex package is no longer served. Update it: npm install convex@latest",
    );
    let error = Error::bad_request("ClientVersionUnsupported", message.to_str().unwrap_or_default().to_owned());
    let mut response = refusal(&error);
    response.headers_mut().insert(DEPRECATION_STATE, HeaderValue::from_static("UpgradeRequired"));
    response.headers_mut().insert(DEPRECATION_MESSAGE, message);
    response
}

fn with_status(status: StatusCode, answer: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
