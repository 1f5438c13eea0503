//! Errors over HTTP: RFC 9457 problem details. This is the only place that maps a code to a status.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use kernel::{Code, Error, Retry};
use serde_json::json;

/// All codes, for descriptions of what may happen.
pub(crate) const CODES: [Code; 12] = [
    Code::BadRequest,
    Code::Unauthenticated,
    Code::Forbidden,
    Code::NotFound,
    Code::Conflict,
    Code::LimitReached,
    Code::RateLimited,
    Code::Unsupported,
    Code::Config,
    Code::Vendor,
    Code::Unavailable,
    Code::Internal,
];

/// An error that is to be answered.
pub(crate) struct Problem {
    error: Error,
    status: StatusCode,
}

/// The id of a request, which its answer and every log line carry.
#[derive(Clone)]
pub(crate) struct RequestId(pub String);

impl Problem {
    /// Creates a problem with a more specific status than its code has: 408, 413, 405.
    pub(crate) fn with_status(status: StatusCode, error: Error) -> Self {
        Self { error, status }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { status: status(error.code), error }
    }
}

/// Returns the status of a code.
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::LimitReached => StatusCode::PAYMENT_REQUIRED,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Code::Config | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Vendor => StatusCode::BAD_GATEWAY,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The error stays in the response's extensions until the request's id is known: see [`finish`].
impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(std::sync::Arc::new(self.error));
        response
    }
}

/// Writes the body of a response that carries an error, and logs the error once.
pub(crate) fn finish(response: &mut Response<Body>, id: &RequestId) {
    let Some(error) = response.extensions_mut().remove::<std::sync::Arc<Error>>() else { return };
    let status = response.status();
    log(&error, status, id);
    // The details of an internal error are not shown to the caller.
    let detail = if error.code == Code::Internal {
        "something broke on our side: quote the request id when you report it"
    } else {
        &error.message
    };
    let mut body = json!({
        "type": format!("urn:trunkline:error:{}", error.tag),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": error.code.as_str(),
        "tag": error.tag,
        "detail": detail,
        "requestId": id.0,
    });
    if let Some(data) = error.data() {
        body["data"] = data.clone();
    }
    *response.body_mut() = Body::from(body.to_string());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(wait) = retry_after(&error) {
        // Rounded up, so that a caller who waits that long has waited long enough.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
}

fn retry_after(error: &Error) -> Option<Duration> {
    match error.retry() {
        Retry::After(wait) => Some(wait),
        Retry::Soon if error.code == Code::Unavailable => Some(Duration::from_secs(2)),
        Retry::Soon | Retry::Never => None,
    }
}

fn log(error: &Error, status: StatusCode, id: &RequestId) {
    if error.code == Code::Config {
        // Strangers can call what is not configured as often as they like, so that this is not logged as an error.
        tracing::warn!(request_id = id.0, status = status.as_u16(), tag = error.tag, "request needs a setting");
    } else if status.is_server_error() {
        tracing::error!(request_id = id.0, status = status.as_u16(), ?error, "request failed");
    } else {
        tracing::info!(request_id = id.0, status = status.as_u16(), tag = error.tag, "request refused");
    }
}
