//! Wraps every request: its id, its time, its log line, the headers of its answer, and panics.

use std::panic::AssertUnwindSafe;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header},
    middleware::Next,
    response::IntoResponse,
};
use futures_util::FutureExt;
use kernel::Error;
use tracing::Instrument;

use crate::{
    Options, Server, headers,
    problem::{self, Problem, RequestId},
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The greatest length of an id that a caller sends and that is used.
const ID_LENGTH: usize = 64;

/// Gives the request an id and the answer its headers; counts and logs the request.
pub(crate) async fn observe(State(server): State<Server>, mut request: Request<Body>, next: Next) -> Response<Body> {
    let began = tokio::time::Instant::now();
    let id = RequestId(brought_id(&request).unwrap_or_else(|| made_id(server.world.number())));
    request.extensions_mut().insert(id.clone());
    let surface = surface(request.uri());
    // At the level of errors, so that error lines carry the id whatever the filter leaves out.
    let span = tracing::error_span!("request", request_id = id.0);
    // A panic rolls the transaction of the request back, so that the next request finds a consistent state.
    let served = AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await;
    let mut response = served.unwrap_or_else(|panic| Problem::from(panicked(&*panic)).into_response());
    problem::finish(&mut response, &id);
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    headers::secure(&mut response, &server.options);
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

/// Answers a request whose path has no route.
pub(crate) async fn unknown_path(method: Method, uri: Uri) -> Response<Body> {
    let message = format!("nothing answers {method} {}", uri.path());
    Problem::from(Error::not_found("path_unknown", message)).into_response()
}

/// Answers a request whose path exists with other methods.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Response<Body> {
    let message = format!("{} does not answer {method}", uri.path());
    Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, Error::bad_request("method_not_allowed", message))
        .into_response()
}

/// Reads the whole body, within its limits of size and time.
pub(crate) async fn read_body(
    options: &Options,
    limit: usize,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Problem> {
    let too_large = || {
        let error = Error::bad_request("body_too_large", format!("the body is larger than {limit} bytes"));
        Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, error)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(options.body_timeout, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // A body without an announced length became too large; over a broken connection no answer arrives anyway.
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            let error = Error::bad_request("body_too_slow", "the body did not arrive in time");
            Err(Problem::with_status(StatusCode::REQUEST_TIMEOUT, error))
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal("panic", "a request panicked").context("panic", words.unwrap_or("without words"))
}

fn brought_id(request: &Request<Body>) -> Option<String> {
    let id = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (plain && !id.is_empty() && id.len() <= ID_LENGTH).then(|| id.to_owned())
}

/// Only letters: the logs would mask a run of digits as a phone number.
pub(crate) fn made_id(number: i64) -> String {
    let letter = |byte: u8| char::from(b'a' + byte % 16);
    number.to_be_bytes().into_iter().flat_map(|byte| [letter(byte >> 4), letter(byte)]).collect()
}

/// Returns one of a few names, so that strangers cannot fill the metrics with paths.
fn surface(uri: &Uri) -> &'static str {
    let path = uri.path();
    match path.split('/').nth(1) {
        Some("webhooks" | "polar") => "webhooks",
        Some("api") if path.contains("/webhook") => "webhooks",
        Some("v1" | "openapi.json") => "rest",
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
