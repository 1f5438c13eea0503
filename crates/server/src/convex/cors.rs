//! Pages of any origin may call: calls are authenticated by a token in a header, which other pages do not have.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header},
    middleware::Next,
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS, PATCH, DELETE, PUT");
/// The number of seconds for which a browser caches a preflight answer.
const AGE: HeaderValue = HeaderValue::from_static("86400");
const VARY: HeaderValue = HeaderValue::from_static("origin, access-control-request-headers");

/// Answers preflight requests, and allows browsers to read the answers.
pub(super) async fn allow(request: Request<Body>, next: Next) -> Response<Body> {
    let asked = request.headers().clone();
    let is_preflight = request.method() == Method::OPTIONS && asked.contains_key(header::ORIGIN);
    let mut response = if is_preflight { preflight(&asked) } else { next.run(request).await };
    if let Some(origin) = asked.get(header::ORIGIN) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::VARY, VARY);
    }
    response
}

fn preflight(asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed: [(HeaderName, Option<HeaderValue>); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, Some(METHODS)),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, wanted),
        (header::ACCESS_CONTROL_MAX_AGE, Some(AGE)),
    ];
    for (name, value) in allowed {
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
