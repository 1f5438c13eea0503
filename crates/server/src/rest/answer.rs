//! Answers: JSON, or `304` when the caller has the answer already.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use data_encoding::HEXLOWER;

/// The number of bytes of the hash in an `ETag`.
const NAME: usize = 16;
/// Only the caller may store the answer, and must revalidate it before using it again.
const OWN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// The answer depends on the caller.
const VARY: HeaderValue = HeaderValue::from_static("authorization, x-organization");

/// Creates a JSON answer. `asked` are the headers of a request that may be answered with `304`.
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

/// Returns whether the caller has this answer already, or any answer will do.
fn has_it(asked: &HeaderMap, name: &str) -> bool {
    let lines = asked.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|line| line.to_str().ok());
    // A proxy that compressed the answer has made the tag a weak one.
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|has| has == "*" || has.strip_prefix("W/").unwrap_or(has) == name)
}
