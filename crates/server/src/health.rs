//! For those who watch: whether the process lives, whether it can serve, and its numbers.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Response, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;

use crate::{Server, problem::Problem, request::wrong_method, webhooks::json_answer};

pub(crate) fn routes() -> Router<Server> {
    Router::new()
        .route("/health/live", get(live).fallback(wrong_method))
        .route("/health/ready", get(ready).fallback(wrong_method))
        .route("/metrics", get(metrics).fallback(wrong_method))
}

/// The process lives, whatever the database does.
async fn live() -> Response<Body> {
    json_answer(&json!({ "status": "live" }))
}

/// The database answers. The age of the queue is shown, and fails nothing: a full queue still takes events.
async fn ready(State(server): State<Server>) -> Response<Body> {
    match server.installation.ready().await {
        Ok(facts) => json_answer(&facts),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn metrics(State(server): State<Server>) -> Response<Body> {
    let mut response = Response::new(Body::from(server.installation.metrics().await));
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, format);
    response
}
