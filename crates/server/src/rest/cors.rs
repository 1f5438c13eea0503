//! Allows pages of other origins to call, as far as the installation permits.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
    middleware::Next,
};

use crate::Options;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE");
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-none-match, x-organization, x-request-id",
);
const SHOWN: HeaderValue =
    HeaderValue::from_static("etag, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id");
/// The number of seconds for which a browser caches a preflight answer.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// Answers preflight requests, and tells browsers which pages may read the answers.
pub(super) async fn allow(State(options): State<Arc<Options>>, request: Request<Body>, next: Next) -> Response<Body> {
    let allowed = allowed(&options.cors_origins, request.headers());
    if allowed.is_some() && asks_first(&request) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        tell(headers, allowed);
        return response;
    }
    let mut response = next.run(request).await;
    if !options.cors_origins.is_empty() {
        tell(response.headers_mut(), allowed);
    }
    response
}

fn allowed(origins: &[String], headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    if origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    origins.iter().any(|allowed| allowed.trim_end_matches('/').as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

fn asks_first(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn tell(headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
    }
}
