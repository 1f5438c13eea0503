//! What happens around every request: its id, its time, its log line, the headers of its answer.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header},
    middleware::Next,
    response::IntoResponse,
};
use kernel::Error;

use crate::{
    Server,
    problem::{self, Problem, RequestId},
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Ids that callers bring are kept when they are no longer than this.
const ID_LENGTH: usize = 64;

/// Gives the request an id and the answer its headers; counts and logs it.
pub(crate) async fn observe(State(server): State<Server>, mut request: Request<Body>, next: Next) -> Response<Body> {
    let began = tokio::time::Instant::now();
    let id = RequestId(brought_id(&request).unwrap_or_else(|| made_id(server.world.number())));
    request.extensions_mut().insert(id.clone());
    let surface = surface(request.uri());
    let mut response = next.run(request).await;
    problem::finish(&mut response, &id);
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = response.status();
    let elapsed = began.elapsed();
    metrics::counter!("trunkline_http_requests_total", "surface" => surface, "status" => class(status)).increment(1);
    metrics::histogram!("trunkline_http_request_seconds", "surface" => surface).record(elapsed.as_secs_f64());
    tracing::debug!(
        request_id = id.0,
        surface,
        status = status.as_u16(),
        us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        "served"
    );
    response
}

/// What no route answers.
pub(crate) async fn unknown_path(method: Method, uri: Uri) -> Response<Body> {
    let message = format!("nothing answers {method} {}", uri.path());
    Problem::from(Error::not_found("path_unknown", message)).into_response()
}

/// A path that exists, asked with another method.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Response<Body> {
    let message = format!("{} does not answer {method}", uri.path());
    Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, Error::bad_request("method_not_allowed", message))
        .into_response()
}

fn brought_id(request: &Request<Body>) -> Option<String> {
    let id = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (plain && !id.is_empty() && id.len() <= ID_LENGTH).then(|| id.to_owned())
}

/// Letters alone: a run of digits would be masked in the logs as somebody's phone number.
fn made_id(number: i64) -> String {
    let letter = |byte: u8| char::from(b'a' + byte % 16);
    number.to_be_bytes().into_iter().flat_map(|byte| [letter(byte >> 4), letter(byte)]).collect()
}

/// A few names, so that strangers cannot fill the metrics with paths.
fn surface(uri: &Uri) -> &'static str {
    let path = uri.path();
    match path.split('/').nth(1) {
        Some("webhooks" | "polar") => "webhooks",
        Some("api") if path.contains("/webhook") => "webhooks",
        Some("api") => "api",
        Some("health") => "health",
        Some("metrics") => "metrics",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..300 => "2xx",
        300..400 => "3xx",
        401 => "401",
        400..500 => "4xx",
        503 => "503",
        _ => "5xx",
    }
}
