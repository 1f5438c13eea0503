//! Answers: JSON, and for those who have it already, that it did not change.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use data_encoding::HEXLOWER;

/// Bytes of the hash that names an answer.
const NAME: usize = 16;
/// Kept by nobody but the caller, and asked for again before it is shown again.
const OWN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Who asks decides what the answer is.
const VARY: HeaderValue = HeaderValue::from_static("authorization, x-organization");

/// A JSON answer. `asked` are the headers of a request that may be told that the answer is the one it has.
pub(super) fn json(body: Bytes, asked: Option<&HeaderMap>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let Some(asked) = asked else {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.body_mut() = Body::from(body);
        return response;
    };
    let name = format!("\"{}\"", HEXLOWER.encode(&digest(&SHA256, &body).as_ref()[..NAME]));
    headers.insert(header::CACHE_CONTROL, OWN);
    headers.append(header::VARY, VARY);
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(header::ETAG, value);
    }
    if has_it(asked, &name) {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(body);
    }
    response
}

/// Whether one of the answers that the caller has is this one, or any will do.
fn has_it(asked: &HeaderMap, name: &str) -> bool {
    let lines = asked.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|line| line.to_str().ok());
    // A proxy that compressed the answer has made the name a weak one.
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|has| has == "*" || has.strip_prefix("W/").unwrap_or(has) == name)
}
